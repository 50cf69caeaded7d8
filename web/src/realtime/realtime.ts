import { Centrifuge, UnauthorizedError, type Options as CentrifugeOptions } from 'centrifuge';
import { Clock } from './clock';
import { refreshLogin } from './login';
import { Observable } from './observable';
import { callErrorFrom, CallError } from './problem';
import type { Method, Methods, TopicName, User, Welcome } from './protocol';
import { reasonOf, type State } from './state';
import { Shared, tell, type Listener } from './topic';

/** How a Realtime is to be. */
export interface Options {
  /** Address of the socket; that of this page's server if absent. */
  url?: string;
  /**
   * Returns an access token, or '' for nobody, and null when the login has ended; the cookies of
   * the page speak for it if absent.
   */
  token?: () => Promise<string | null>;
  /** Whether the page takes itself for signed in. If the socket is not, the login is refreshed. */
  isSignedIn?: () => boolean;
  /** Renews the cookies, and returns false if the login has ended. */
  refresh?: () => Promise<boolean>;
  /** For tests, and where there is no WebSocket. */
  centrifuge?: Partial<CentrifugeOptions>;
}

function ownURL(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/ws`;
}

/** Codes of replies to connect that a new token helps against. */
const tokenExpired = 109;

/** Longest wait for the reply to a call: the server gives up before. */
const callTimeoutMS = 15_000;

/**
 * Realtime is the socket of a page: one for all that the page shows. It comes back by itself when
 * the connection is lost, and subscriptions with it, without missing what happened meanwhile.
 */
export class Realtime {
  readonly state = new Observable<State>({ is: 'offline', why: 'stopped' });
  /** Whose the socket is; null for nobody, or while not connected for the first time. */
  readonly user = new Observable<User | null>(null);
  readonly clock: Clock;

  readonly #centrifuge: Centrifuge;
  readonly #options: Options;
  readonly #topics = new Map<string, Shared>();
  readonly #mine = new Set<Listener>();
  #isStale = false; // the cookies are known to be no good
  #wasConnected = false;
  #hasAsked = false; // to sign in again, since somebody was signed in last

  constructor(options: Options = {}) {
    this.#options = options;
    this.#centrifuge = new Centrifuge(options.url ?? ownURL(), {
      name: 'web',
      timeout: callTimeoutMS,
      minReconnectDelay: 300,
      maxReconnectDelay: 15_000,
      getToken: () => this.#token(),
      ...options.centrifuge,
    });
    this.clock = new Clock(async () => (await this.call('clock', undefined)).now / 1000);
    this.#listen();
  }

  /** connect begins, or begins again after the socket has gone offline. */
  connect(): void {
    this.#centrifuge.connect();
  }

  /** disconnect ends it for good. */
  disconnect(): void {
    this.#centrifuge.disconnect();
  }

  /**
   * reconnect has the server find out anew whose socket it is: after somebody has signed in or
   * out. Subscriptions stay.
   */
  reconnect(): void {
    this.#centrifuge.disconnect();
    this.#centrifuge.connect();
  }

  /** call calls a method. A refusal, and no answer, is a CallError. */
  async call<M extends Method>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    try {
      const reply = await this.#centrifuge.rpc(method, params ?? {});
      return reply.data as Methods[M]['result'];
    } catch (err) {
      throw err instanceof CallError ? err : callErrorFrom(err);
    }
  }

  /**
   * topic listens to a topic until the returned function is called. Several parts of a page may
   * listen to one. data is sent with the subscription of whoever listens first.
   */
  topic(name: TopicName, listener: Listener, data?: unknown): () => void {
    let shared = this.#topics.get(name);
    if (!shared) {
      shared = new Shared(this.#centrifuge.newSubscription(name, data === undefined ? {} : { data }));
      this.#topics.set(name, shared);
    }
    shared.add(listener);
    shared.subscription.subscribe();
    return () => this.#leave(name, listener);
  }

  /** mine listens to what concerns whoever is signed in, until the returned function is called. */
  mine(listener: Listener): () => void {
    this.#mine.add(listener);
    return () => this.#mine.delete(listener);
  }

  #leave(name: string, listener: Listener): void {
    const shared = this.#topics.get(name);
    if (!shared) return;
    shared.remove(listener);
    if (!shared.isEmpty) return;
    this.#topics.delete(name);
    shared.subscription.unsubscribe();
    this.#centrifuge.removeSubscription(shared.subscription);
  }

  #listen(): void {
    const c = this.#centrifuge;
    c.on('connecting', () => this.state.set({ is: 'connecting', why: this.#wasConnected ? 'lost' : 'starting' }));
    c.on('connected', (ctx) => this.#connected(ctx.data as Welcome | undefined));
    c.on('disconnected', (ctx) => {
      this.clock.stop();
      this.state.set({ is: 'offline', why: reasonOf(ctx.code) });
    });
    c.on('error', (ctx) => {
      if (ctx.type === 'connect' && ctx.error.code === tokenExpired) this.#isStale = true;
    });
    c.on('publication', (ctx) => this.#mine.forEach((l) => tell(l, ctx.data)));
    c.on('subscribed', (ctx) => {
      if (ctx.wasRecovering && !ctx.recovered) this.#mine.forEach((l) => l.onGap?.());
      this.#mine.forEach((l) => l.onSubscribed?.());
    });
  }

  #connected(welcome: Welcome | undefined): void {
    this.#wasConnected = true;
    const user = welcome?.user ?? null;
    this.user.set(user);
    if (welcome) this.clock.guess(welcome.now / 1000);
    this.clock.start();
    this.state.set({ is: 'connected' });
    if (user !== null) this.#hasAsked = false;
    else if (!this.#hasAsked && !this.#options.token && this.#options.isSignedIn?.()) void this.#signInAgain();
  }

  /** A cookie that has expired is not sent at all: the server took the page for anybody. */
  async #signInAgain(): Promise<void> {
    this.#hasAsked = true;
    if (await this.#refresh().catch(() => false)) this.reconnect();
  }

  #refresh(): Promise<boolean> {
    return (this.#options.refresh ?? refreshLogin)();
  }

  /** #token returns what to connect with: '' where the cookies speak for the page. */
  async #token(): Promise<string> {
    if (this.#options.token) {
      const token = await this.#options.token();
      if (token === null) throw new UnauthorizedError('');
      return token;
    }
    if (this.#isStale) {
      if (!(await this.#refresh())) throw new UnauthorizedError('');
      this.#isStale = false;
    }
    return '';
  }
}
