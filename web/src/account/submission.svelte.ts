import { Refusal } from '../lib/account';

/** Submission is one form on its way: being filled in, sent, refused, or done. */
export class Submission {
  phase = $state<'form' | 'busy' | 'done'>('form');
  problem = $state.raw<Refusal | null>(null);

  /** What is wrong with a field, or ''. */
  fault(name: string): string {
    return this.problem?.fields[name] ?? '';
  }

  /** run sends the form once, however often it is pressed meanwhile. */
  async run(send: () => Promise<unknown>): Promise<void> {
    if (this.phase !== 'form') return;
    this.phase = 'busy';
    this.problem = null;
    try {
      await send();
      this.phase = 'done';
    } catch (err) {
      this.problem = err instanceof Refusal ? err : new Refusal(0, '', 'Something went wrong. Try again.');
      this.phase = 'form';
    }
  }
}

/** wrong returns a refusal of ours, before anything is sent, about one field. */
export function wrong(field: string, words: string): Refusal {
  return new Refusal(0, '', words, { [field]: words });
}
