import { describe, expect, it } from 'vitest';
import { callErrorFrom } from './problem';

describe('errors of calls', () => {
  it.each([
    [{ code: 429, message: 'slow_mode retry_after=5' }, { status: 429, code: 'slow_mode', retryAfterMS: 5000, isTemporary: true }],
    [{ code: 403, message: 'forbidden' }, { status: 403, code: 'forbidden', retryAfterMS: 0, isTemporary: false }],
    [{ code: 108, message: 'not available' }, { status: 404, code: 'not_available', isTemporary: false }],
    [{ code: 1, message: 'timeout' }, { status: 0, code: 'no_answer', isTemporary: true }],
    [new Error('anything'), { status: 0, code: 'no_answer' }],
  ])('reads %o', (err, want) => expect(callErrorFrom(err)).toMatchObject(want));
});
