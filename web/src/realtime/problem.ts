/** A call or a subscription that the server refused, or that got no answer. */
export class CallError extends Error {
  constructor(
    /** As of HTTP; 0 when there was no answer. */
    readonly status: number,
    /** What went wrong, for programs. */
    readonly code: string,
    /** When it may be tried again; 0 if the server did not say. */
    readonly retryAfterMS = 0,
  ) {
    super(code);
    this.name = 'CallError';
  }

  /** Whether the same call may go well later. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** What the codes below 400 mean, which are those of the protocol and have no code in words. */
const statusOfProtocolCode: Record<number, [number, string]> = {
  100: [500, 'internal_server_error'],
  101: [401, 'unauthorized'],
  102: [404, 'topic_not_found'],
  103: [403, 'forbidden'],
  104: [404, 'method_not_found'],
  105: [409, 'already_subscribed'],
  106: [429, 'too_many_topics'],
  107: [400, 'bad_request'],
  108: [404, 'not_available'],
  109: [401, 'token_expired'],
  110: [401, 'token_expired'],
  111: [429, 'too_many_requests'],
  112: [410, 'unrecoverable_position'],
};

/** callErrorFrom reads the error of a reply; anything else has no answer. */
export function callErrorFrom(err: unknown): CallError {
  const { code, message } = (typeof err === 'object' && err !== null ? err : {}) as { code?: unknown; message?: unknown };
  if (typeof code !== 'number' || code < 100) return new CallError(0, 'no_answer');
  const known = statusOfProtocolCode[code];
  if (known) return new CallError(...known);
  const [name = '', ...rest] = (typeof message === 'string' ? message : '').split(' ');
  const retry = rest.map((part) => /^retry_after=(\d+)$/.exec(part)?.[1]).find((s) => s !== undefined);
  return new CallError(code, name || 'unknown', retry ? Number(retry) * 1000 : 0);
}
