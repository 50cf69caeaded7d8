// What e2e/call.mjs has its pages do: the client of calls, without a page around it.
import { Calls } from '../src/call';
import { Realtime } from '../src/realtime';

Object.assign(window, { bandstand: { Calls, Realtime } });
