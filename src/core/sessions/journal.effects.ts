import type { SessionEventKind } from './session-event.entity.js';

/** One complete line of a journal with the byte offsets of its start and of the next line. */
export interface JournalLine {
  readonly offset: number;
  readonly end: number;
  readonly text: string;
}

/** A line with what it means. */
export interface ReadLine {
  readonly offset: number;
  readonly end: number;
  readonly effects: readonly Effect[];
  /** Where reading has to begin after a crash, once this line's effects are stored: an open text is read again. */
  readonly resumeAt: number;
}

/** What a line means. `session` is the runtime's own id of the conversation. */
export type Effect =
  | {
      readonly type: 'event';
      readonly session: string;
      readonly kind: SessionEventKind;
      readonly data: Record<string, unknown>;
      /** Where in the journal it began. */
      readonly offset: number;
    }
  | {
      readonly type: 'delta';
      readonly session: string;
      readonly messageId: string;
      readonly charOffset: number;
      readonly text: string;
      readonly thought: boolean;
    }
  | {
      readonly type: 'tool';
      readonly session: string;
      readonly toolCallId: string;
      readonly first: boolean;
      readonly fields: ToolFields;
      readonly offset: number;
    }
  | {
      readonly type: 'usage';
      readonly session: string;
      readonly used: number;
      readonly size: number;
      readonly costUsd: number | null;
    }
  | { readonly type: 'title'; readonly session: string; readonly title: string }
  /** The runtime says by a way of its own that the running turn failed; what follows as text is the reason. */
  | { readonly type: 'failing'; readonly session: string }
  | { readonly type: 'response'; readonly id: string; readonly result: unknown; readonly error: RpcFailure | null }
  | {
      readonly type: 'request';
      readonly rpcId: string;
      readonly method: string;
      readonly session: string | null;
      readonly params: Record<string, unknown>;
    }
  | { readonly type: 'noise'; readonly text: string }
  | { readonly type: 'end'; readonly code: number };

export interface RpcFailure {
  readonly code: number;
  readonly message: string;
}

/** The part of a tool call that an update changes. */
export interface ToolFields {
  readonly title?: string;
  readonly kind?: string;
  readonly status?: 'pending' | 'in_progress' | 'completed' | 'failed';
  readonly tool?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  /** Output that comes in pieces. */
  readonly outputDelta?: string;
  readonly exitCode?: number;
  readonly content?: readonly unknown[];
  readonly locations?: readonly unknown[];
}
