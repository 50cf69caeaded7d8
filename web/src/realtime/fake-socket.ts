/** What a client sends, and what the server says, in the protocol of the socket. */
export interface Command {
  id: number;
  connect?: { token?: string; subs?: Record<string, { recover: boolean; epoch: string; offset?: number }> };
  subscribe?: { channel: string; recover?: boolean; epoch?: string; offset?: number; data?: unknown };
  unsubscribe?: { channel: string };
  rpc?: { method: string; data: unknown };
  refresh?: { token: string };
}

/** A server for tests: answers commands, and can push and close. */
export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  readonly commands: Command[] = [];

  constructor(readonly answer: (command: Command) => object) {}

  /** The class to give to a client in place of WebSocket. */
  get socketClass(): unknown {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the class needs both
    const server = this;
    return class extends FakeSocket {
      constructor() {
        super(server);
      }
    };
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('nobody has connected');
    return socket;
  }

  /** sent returns the commands of one kind. */
  sent<K extends keyof Command>(kind: K): NonNullable<Command[K]>[] {
    return this.commands.flatMap((c) => (c[kind] === undefined ? [] : [c[kind]]));
  }
}

export class FakeSocket {
  static readonly OPEN = 1;
  readonly OPEN = 1;
  readyState = 0;
  binaryType = '';
  onopen?: () => void;
  onmessage?: (e: { data: string }) => void;
  onclose?: (e: { code: number; reason: string }) => void;
  onerror?: () => void;

  constructor(readonly server: FakeServer) {
    server.sockets.push(this);
    queueMicrotask(() => {
      this.readyState = 1;
      this.onopen?.();
    });
  }

  send(frame: string): void {
    for (const line of frame.split('\n')) {
      const command = JSON.parse(line) as Command;
      if (command.id === undefined) continue; // a pong
      this.server.commands.push(command);
      queueMicrotask(() => this.push({ id: command.id, ...this.server.answer(command) }));
    }
  }

  push(message: object): void {
    if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** publish sends an event. */
  publish(topic: string, type: string, data: unknown, offset?: number): void {
    this.push({ push: { channel: topic, pub: { data: { type, data }, ...(offset === undefined ? {} : { offset }) } } });
  }

  close(): void {
    this.drop(1000);
  }

  /** drop closes the connection, as the server or the network does. */
  drop(code: number, reason = ''): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    queueMicrotask(() => this.onclose?.({ code, reason }));
  }
}
