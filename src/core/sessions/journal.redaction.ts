import type { RedactedStream, Redactor } from '../credentials/redactor.js';
import type { Effect, JournalLine, ToolFields } from './journal.effects.js';

/** Names under which a protocol word or an id stands, which has to stay what it is. */
const structural = /^(?:id|kind|status|type|method|mode|stopReason|sessionUpdate|[a-z]+Ids?)$/;
const kept = (name: string): boolean => structural.test(name);

interface OpenOutput {
  readonly clean: RedactedStream;
  /** Start of the line whose end is held back. */
  since: number;
}

/** Takes given values out of everything a journal line says, except running text, which the fold cleans as it comes. */
export class JournalRedaction {
  private readonly outputs = new Map<string, OpenOutput>();

  constructor(private readonly redactor: Redactor) {}

  /** Where reading has to begin again for what is held back. */
  get waitsSince(): number {
    return Math.min(
      ...[...this.outputs.values()].filter(({ clean }) => clean.held > 0).map(({ since }) => since),
      Infinity,
    );
  }

  clean(line: JournalLine, effects: readonly Effect[]): readonly Effect[] {
    if (this.redactor.isEmpty) return effects;
    // Most lines hold nothing. An escape may hide a value from a plain search, so such a line is always looked through.
    const suspicious = line.text.includes('\\') || this.redactor.find(line.text, 0) !== null;
    return effects.map((effect) => {
      // A turn is over: a call of it that never ended is not waited for.
      if (effect.type === 'response') for (const output of this.outputs.values()) output.since = Infinity;
      if (effect.type === 'tool') return { ...effect, fields: this.tool(line, effect, suspicious) };
      return suspicious ? this.effect(effect) : effect;
    });
  }

  private effect(effect: Effect): Effect {
    const { redactor } = this;
    switch (effect.type) {
      case 'event':
        return effect.kind === 'plan' ? { ...effect, data: redactor.deep(effect.data, kept) } : effect;
      case 'title':
        return { ...effect, title: redactor.text(effect.title) };
      case 'noise':
        return { ...effect, text: redactor.text(effect.text) };
      case 'request':
        return { ...effect, params: redactor.deep(effect.params, kept) };
      case 'response': {
        const error = effect.error && { ...effect.error, message: redactor.text(effect.error.message) };
        return { ...effect, result: redactor.deep(effect.result, kept), error };
      }
      default:
        return effect;
    }
  }

  private tool(line: JournalLine, effect: Extract<Effect, { type: 'tool' }>, suspicious: boolean): ToolFields {
    const { outputDelta, output, content, ...rest } = effect.fields;
    const over = rest.status === 'completed' || rest.status === 'failed';
    const { redactor } = this;
    // Output so far may stop in the middle of a value.
    const clean = (text: string): string => (over ? redactor.text(text) : redactor.growing(text));
    const piece = this.output(line, `${effect.session} ${effect.toolCallId}`, outputDelta, over);
    const { kind, status } = rest;
    return {
      ...(suspicious ? redactor.deep(rest, kept) : rest),
      ...(kind === undefined ? {} : { kind }),
      ...(status === undefined ? {} : { status }),
      ...(output === undefined ? {} : { output: redactor.deep(output, kept, clean) }),
      ...(content === undefined ? {} : { content: redactor.deep(content, kept, clean) }),
      ...(piece === undefined ? {} : { outputDelta: piece }),
    };
  }

  private output(line: JournalLine, key: string, piece: string | undefined, over: boolean): string | undefined {
    const open = this.outputs.get(key);
    if (piece === undefined && !(over && open)) return undefined;
    const clean = open?.clean ?? this.redactor.stream();
    const shown = piece === undefined ? '' : clean.push(piece);
    if (over) {
      this.outputs.delete(key);
      return shown + clean.end();
    }
    const began = open && clean.held > (piece ?? '').length ? open.since : line.offset;
    this.outputs.set(key, { clean, since: began });
    return shown;
  }
}
