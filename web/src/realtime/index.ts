export { Clock, localMS, type Offset } from './clock';
export { refreshLogin } from './login';
export { CallError } from './problem';
export type { AnyEvent, EventType, Events, Method, Methods, TopicName, User, Welcome } from './protocol';
export { Realtime, type Options } from './realtime';
export type { Reason, State } from './state';
export type { Listener } from './topic';
