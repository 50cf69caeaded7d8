import type { components, paths } from '../api/schema';

type Problem = components['schemas']['Problem'];

/** The operations of people who are not signed in, with what they take. */
type Entry = Extract<keyof paths, `/api/v1/auth/${string}`>;
type BodyOf<P extends Entry> = paths[P]['post'] extends {
  requestBody: { content: { 'application/json': infer B } };
}
  ? B
  : never;

/** An answer that is a refusal, in words to show. status is 0 when there was no answer at all. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    /** What is wrong with single fields, by their names. */
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
  }

  /** Whether the link of the mail is what was refused, so that trying it again leads nowhere. */
  get isBadLink(): boolean {
    return this.code === 'bad_link' || 'token' in this.fields;
  }
}

/** Longest wait for an answer. Hashing a password takes a while on a small machine. */
const timeoutMS = 20_000;

/** The field that a problem is about, where its code names one. */
const fieldOfCode: Record<string, string> = {
  bad_username: 'username',
  username_taken: 'username',
  bad_email: 'email',
  email_taken: 'email',
  bad_password: 'password',
  common_password: 'password',
  bad_invite: 'invite',
};

/** sentence makes "this link is not good" a sentence: "This link is not good." */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(first) ? first : first + '.';
}

/** waitText says when to try again, from the header Retry-After: "Try again in 2 minutes." */
export function waitText(retryAfter: string | null): string {
  const seconds = Number(retryAfter ?? '');
  if (!Number.isFinite(seconds) || seconds <= 0) return '';
  const [n, unit] = seconds < 90 ? [Math.ceil(seconds), 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return `Try again in ${n} ${unit}${n === 1 ? '' : 's'}.`;
}

/** refusalFrom reads a problem. Anything else becomes a refusal in words of ours. */
export function refusalFrom(status: number, body: unknown, retryAfter: string | null = null): Refusal {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>;
  const code = typeof problem.code === 'string' ? problem.code : '';
  const detail = typeof problem.detail === 'string' ? sentence(problem.detail) : '';
  const fields: Record<string, string> = {};
  for (const field of Array.isArray(problem.errors) ? problem.errors : []) {
    const name = /^body\.(\w+)/.exec(field?.location ?? '')?.[1];
    if (name && typeof field.message === 'string') fields[name] ??= sentence(field.message);
  }
  const named = fieldOfCode[code];
  if (named) fields[named] ??= detail;
  const words = detail || 'The server could not do this. Try again in a while.';
  return new Refusal(status, code, [words, waitText(retryAfter)].filter(Boolean).join(' '), fields);
}

/**
 * ask calls an operation that needs no login, and returns what it answers, or null for no content.
 * Any failure is a Refusal. The words of a Refusal hold nothing that was sent.
 */
export async function ask<P extends Entry>(path: P, body: BodyOf<P>): Promise<unknown> {
  let response: Response;
  let answer: unknown;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMS);
  try {
    response = await fetch(path, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      credentials: 'omit',
      cache: 'no-store',
      signal: abort.signal,
    });
    answer = await response.json().catch(() => null);
  } catch {
    throw new Refusal(0, '', 'The server does not answer. Check the connection and try again.');
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok) throw refusalFrom(response.status, answer, response.headers.get('Retry-After'));
  return answer;
}

/**
 * takeSecret reads what stands behind #name= in the address, and takes it out of the address bar,
 * where a glance, a screenshot or a copied address would give it away.
 */
export function takeSecret(
  name: string,
  place: Pick<Location, 'hash' | 'pathname' | 'search'>,
  past: Pick<History, 'state' | 'replaceState'>,
): string {
  const secret = new URLSearchParams(place.hash.slice(1)).get(name)?.trim() ?? '';
  if (place.hash !== '') past.replaceState(past.state, '', place.pathname + place.search);
  return secret;
}

/** Bounds of a password, in characters as people count them. The server has the last word. */
const password = { min: 8, max: 256 };

export const passwordHint = `At least ${password.min} characters, not your username or address, and none of the first that others would try. Several words are good.`;

/** passwordFault says why a password will not do, or '' if only the server can tell. */
export function passwordFault(value: string): string {
  const length = [...value.normalize('NFC')].length;
  if (length < password.min) return `A password has at least ${password.min} characters.`;
  if (length > password.max) return `A password has at most ${password.max} characters.`;
  return '';
}
