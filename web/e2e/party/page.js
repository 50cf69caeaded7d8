// A page that takes part in a watch party with a real media element, and notes many times a second
// what that shows. ../party.mjs opens it and says what to do.
import Hls from 'hls.js';
import { Party } from '../../src/party';
import { Realtime } from '../../src/realtime';

const video = document.getElementById('video');

/** Time between two notes. */
const noteMS = 25;

/** The picture holds the number of its frame in black and white squares, the lowest digit first. */
const digits = 12;
const squarePX = 12;

const notes = [];
const effects = [];
const frames = { seen: 0, wrong: 0 };
let party;
let hls;

const nowMS = () => performance.timeOrigin + performance.now();

/** What has to be added to the media's time for its date, in seconds; null while that is not known. */
function dateOffsetS() {
  const date = hls?.playingDate;
  return date ? date.getTime() / 1000 - video.currentTime : null;
}

function note() {
  const offset = hls ? dateOffsetS() : 0;
  notes.push({
    atMS: nowMS(),
    position: offset === null ? null : video.currentTime + offset,
    paused: video.paused,
    seq: party.sync?.state?.seq ?? 0,
    error: party.sync?.errorS() ?? null,
    rate: video.playbackRate,
  });
}

/** Compares the number in a picture with the time that the player says it has. */
function checkFrames(fps) {
  const canvas = document.createElement('canvas');
  canvas.width = digits * squarePX;
  canvas.height = squarePX;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const look = (_, { mediaTime }) => {
    if (frames.seen % 5 === 0) {
      context.drawImage(video, 0, 0, canvas.width, canvas.height, 0, 0, canvas.width, canvas.height);
      const { data } = context.getImageData(0, squarePX / 2, canvas.width, 1);
      let number = 0;
      for (let i = 0; i < digits; i++) if (data[(i * squarePX + squarePX / 2) * 4] > 127) number += 2 ** i;
      if (Math.abs(number - mediaTime * fps) > 1.5) frames.wrong++;
    }
    frames.seen++;
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}

/** Comes to the party, and resolves when its player is ready. */
async function come({ token, id, source, fps }) {
  if (source.endsWith('.m3u8')) {
    // The party alone says where to play, and how fast.
    hls = new Hls({ maxLiveSyncPlaybackRate: 1, liveSyncDuration: 3, liveMaxLatencyDuration: 60, enableWorker: false });
    hls.loadSource(source);
    hls.attachMedia(video);
  } else {
    video.src = source;
    checkFrames(fps);
  }
  const socket = new Realtime({ token: async () => token });
  party = new Party(socket, id, { onEffect: (state) => effects.push({ seq: state.seq, atMS: nowMS() }) });
  socket.connect();
  party.open();
  party.attach(video, hls && dateOffsetS);
  setInterval(note, noteMS);
  await new Promise((done) => {
    const wait = setInterval(() => {
      if (!party.clock.isReady || !party.latest || video.readyState < 3) return;
      clearInterval(wait);
      done();
    }, 20);
  });
}

window.harness = {
  come: (options) => come(options),
  act: (name, ...args) => party[name](...args),
  seen: () => ({
    notes,
    effects,
    frames,
    clock: { offsetMS: party.clock.bounds.offsetMS, errorMS: party.clock.bounds.errorMS, rttMS: party.clock.rttMS },
  }),
};
