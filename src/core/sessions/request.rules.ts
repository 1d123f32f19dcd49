import type { AskedQuestion } from '../runtimes/runtime.port.js';
import { objectOf, startOf, stringOf, type Json } from './json.js';
import { bounded, boundedList } from './tool.fields.js';

/** What an agent wants to do, as a person is shown it. */
export interface ApprovalPayload {
  readonly title: string;
  /** ACP's tool kind: read, edit, delete, move, search, execute, fetch, other. */
  readonly kind: string;
  readonly toolCallId: string | null;
  readonly input: unknown;
  readonly content: readonly unknown[];
  readonly options: readonly PermissionOption[];
}

export interface PermissionOption {
  readonly id: string;
  readonly name: string;
  readonly kind: 'allow_once' | 'allow_always' | 'reject_once' | 'reject_always';
}

export interface QuestionPayload {
  readonly message: string;
  readonly questions: readonly AskedQuestion[];
  readonly toolCallId: string | null;
  /** Answered over the runtime's own server instead of ACP. */
  readonly bridged: boolean;
}

export type ApprovalDecision = 'allow' | 'always' | 'reject';

/** What of a request decides whether the answer to another one covers it. */
export interface Coverable {
  readonly kind: 'approval' | 'question';
  /** Null: too long to be shown. */
  readonly pattern: string | null;
}

/**
 * Whether an answer settles another request of the same conversation as well. `always` allows what has the very pattern
 * that was shown, and without one nothing; a reject that ends or redirects the turn takes everything that waits with it.
 */
export function covers(decision: ApprovalDecision, row: Coverable, other: Coverable): boolean {
  if (decision === 'reject') return true;
  return decision === 'always' && row.pattern !== null && other.kind === row.kind && other.pattern === row.pattern;
}

/** What is always allowed once somebody said so; without a pattern it is as before. */
export const rememberedWith = (allowed: readonly string[], pattern: string | null): readonly string[] =>
  pattern === null || allowed.includes(pattern) ? allowed : [...allowed, pattern];

/** Answers to a question: chosen values or free text by key; null declines. */
export type QuestionAnswer = Readonly<Record<string, readonly string[]>> | null;

/** A longer one nobody reads, and a cut one would match what was not shown. */
const longestPattern = 4000;

export function approvalOf(
  params: Json,
  known: { readonly title?: string; readonly input?: unknown } | null,
): ApprovalPayload {
  const call = objectOf(params['toolCall']);
  const options = Array.isArray(params['options']) ? params['options'].slice(0, 20).map(optionOf) : [];
  return {
    title: startOf(textOf(call['title']) ?? known?.title ?? 'Use a tool', 4000),
    kind: textOf(call['kind']) ?? 'other',
    toolCallId: textOf(call['toolCallId']),
    input: bounded(call['rawInput'] ?? known?.input ?? null),
    content: Array.isArray(call['content']) ? boundedList(call['content']) : [],
    options,
  };
}

/**
 * What "always" means for a call: the exact command for execution, the tool kind and path for files, else kind and title.
 * The pattern is shown to the person who decides, and nothing else will match it; null when it is too long to be shown.
 */
export function patternOf(approval: ApprovalPayload): string | null {
  const pattern = exactPattern(approval);
  return pattern.length > longestPattern ? null : pattern;
}

function exactPattern(approval: ApprovalPayload): string {
  const input = objectOf(approval.input);
  const command = input['command'] ?? input['cmd'];
  if (typeof command === 'string') return `execute: ${command}`;
  if (Array.isArray(command)) return `execute: ${command.join(' ')}`;
  const path = input['filepath'] ?? input['filePath'] ?? input['file_path'] ?? input['path'];
  if (typeof path === 'string') return `${approval.kind}: ${path}`;
  return `${approval.kind}: ${approval.title}`;
}

/** Kinds of calls that change files by name; what a command does nobody can tell from its words. */
const editing: ReadonlySet<string> = new Set(['edit', 'delete', 'move']);

/** Files a call would change, relative to the home: what its input, its diffs and its locations name. Others lie elsewhere. */
export function editedPaths(params: Json, approval: ApprovalPayload, home: string): string[] {
  const call = objectOf(params['toolCall']);
  const diffs = approval.content.map(objectOf).filter((part) => part['type'] === 'diff');
  if (!editing.has(approval.kind) && diffs.length === 0) return [];
  const input = objectOf(approval.input);
  const named = ['filepath', 'filePath', 'file_path', 'path', 'abs_path'].map((key) => input[key]);
  const locations = Array.isArray(call['locations']) ? call['locations'].map(objectOf) : [];
  const given = [...named, ...[...diffs, ...locations].map((one) => one['path'])];
  const paths = given.flatMap((path) => (typeof path === 'string' && path !== '' ? [pathInHome(path, home)] : []));
  return [...new Set(paths.filter((path) => path !== null))];
}

/** Null for a path that leads out of the home. */
function pathInHome(given: string, home: string): string | null {
  const names = [home, '/workspace', '/home/developer'];
  const base = names.find((name) => given === name || given.startsWith(`${name}/`));
  if (base === undefined && given.startsWith('/')) return null;
  const steps: string[] = [];
  for (const step of given.slice(base?.length ?? 0).split('/')) {
    if (step === '' || step === '.') continue;
    if (step !== '..') steps.push(step);
    else if (steps.pop() === undefined) return null;
  }
  return steps.join('/');
}

/** The ACP answer to a permission request. "always" is our own rule, so the runtime hears "once". */
export function permissionResult(approval: ApprovalPayload, decision: ApprovalDecision): Json {
  const wanted = decision === 'reject' ? ['reject_once', 'reject_always'] : ['allow_once', 'allow_always'];
  const option = wanted
    .map((kind) => approval.options.find((one) => one.kind === kind))
    .find((one) => one !== undefined);
  return option ? { outcome: { outcome: 'selected', optionId: option.id } } : { outcome: { outcome: 'cancelled' } };
}

/** What a runtime hears when its turn is cancelled while it waits for an answer; null when it does not wait over ACP. */
export function cancelledResult(request: {
  readonly kind: 'approval' | 'question';
  readonly payload: Record<string, unknown>;
}): Json | null {
  if (request.kind === 'approval') return { outcome: { outcome: 'cancelled' } };
  return request.payload['bridged'] === true ? null : { action: 'cancel' };
}

/** The form of an ACP elicitation as questions. Fields that end in `_custom` or `_note` are free text beside another. */
export function questionsOf(params: Json): QuestionPayload {
  const schema = objectOf(params['requestedSchema']);
  const properties = objectOf(schema['properties']);
  const keys = Object.keys(properties);
  const companions = new Set(keys.filter((key) => companionOf(key, keys) !== null));
  const questions = keys
    .filter((key) => !companions.has(key))
    .map((key) =>
      fieldOf(
        key,
        objectOf(properties[key]),
        keys.some((other) => companionOf(other, keys) === key),
      ),
    );
  return {
    message: textOf(params['message']) ?? 'The agent asks a question',
    questions,
    toolCallId: textOf(params['toolCallId']),
    bridged: false,
  };
}

/** The ACP answer to an elicitation. */
export function elicitationResult(payload: QuestionPayload, params: Json, answer: QuestionAnswer): Json {
  if (!answer) return { action: 'decline' };
  const properties = objectOf(objectOf(params['requestedSchema'])['properties']);
  const keys = Object.keys(properties);
  const content: Json = {};
  for (const question of payload.questions) {
    const values = answer[question.key] ?? [];
    const known = new Set(question.options.map((option) => option.value));
    const free = values.filter((value) => !known.has(value));
    const companion = keys.find((key) => companionOf(key, keys) === question.key);
    const chosen = companion && free.length > 0 ? values.filter((value) => known.has(value)) : values;
    if (chosen.length > 0) content[question.key] = question.multiple ? chosen : chosen[0];
    if (companion && free.length > 0) content[companion] = free.join(', ');
  }
  return { action: 'accept', content };
}

/** Says what is wrong with an answer, or null when it fits its questions. */
export function faultOf(payload: QuestionPayload, answer: QuestionAnswer): string | null {
  if (!answer) return null;
  const keys = new Set(payload.questions.map((question) => question.key));
  const unknown = Object.keys(answer).find((key) => !keys.has(key));
  if (unknown !== undefined) return 'An answer names a question that was not asked';
  for (const question of payload.questions) {
    // An empty list is an answer: this one is left open.
    const values = answer[question.key];
    if (!values) return `The question '${question.key}' has no answer`;
    if (!question.multiple && values.length > 1) return `The question '${question.key}' takes one answer`;
    const known = new Set(question.options.map((option) => option.value));
    if (!question.freeText && values.some((value) => !known.has(value))) {
      return `The answer to '${question.key}' is not one of its options`;
    }
  }
  return null;
}

function fieldOf(key: string, field: Json, hasCompanion: boolean): AskedQuestion {
  const items = objectOf(field['items']);
  const multiple = field['type'] === 'array';
  const choices = [field['oneOf'], items['anyOf'], items['oneOf']].find(Array.isArray) as unknown[] | undefined;
  const names = [field['enum'], items['enum']].find(Array.isArray) as unknown[] | undefined;
  const options = (choices ?? names ?? []).map((choice) => {
    const value = typeof choice === 'string' ? choice : stringOf(objectOf(choice)['const']);
    const label = textOf(objectOf(choice)['title']) ?? value;
    return { value, label, description: textOf(objectOf(choice)['description']) };
  });
  return {
    key,
    text: textOf(field['title']) ?? textOf(field['description']) ?? key,
    header: null,
    options,
    multiple,
    freeText: options.length === 0 || hasCompanion,
  };
}

/** `question_0_custom` belongs to `question_0`; null when a key stands alone. */
function companionOf(key: string, keys: readonly string[]): string | null {
  const base = /^(.+)_(?:custom|note)$/.exec(key)?.[1];
  return base !== undefined && keys.includes(base) ? base : null;
}

function optionOf(raw: unknown): PermissionOption {
  const option = objectOf(raw);
  const kind = option['kind'];
  const known = kind === 'allow_once' || kind === 'allow_always' || kind === 'reject_once' || kind === 'reject_always';
  const id = stringOf(option['optionId']);
  return { id, name: textOf(option['name']) ?? id, kind: known ? kind : 'reject_once' };
}

const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
