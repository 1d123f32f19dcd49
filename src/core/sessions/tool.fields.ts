import type { ToolFields } from './journal.effects.js';
import { objectOf, startOf, type Json } from './json.js';

/** More of a tool's input or output than this is not stored. */
export const longestOutput = 64_000;
const mostPieces = 200;

/** What an ACP tool call or an update of one says. */
export function toolFieldsOf(update: Json): ToolFields {
  const meta = objectOf(update['_meta']);
  const delta = objectOf(meta['terminal_output_delta'])['data'];
  const exitCode = objectOf(meta['terminal_exit'])['exit_code'];
  const output = update['rawOutput'];
  return {
    ...(typeof update['title'] === 'string' ? { title: startOf(update['title'], 4000) } : {}),
    ...(typeof update['kind'] === 'string' ? { kind: update['kind'] } : {}),
    ...(isStatus(update['status']) ? { status: update['status'] } : {}),
    ...(typeof update['name'] === 'string' ? { tool: update['name'] } : {}),
    ...(isEmpty(update['rawInput']) ? {} : { input: bounded(update['rawInput']) }),
    ...(output === undefined || output === null ? {} : { output: bounded(output) }),
    ...(typeof delta === 'string' ? { outputDelta: startOf(delta, longestOutput) } : {}),
    ...(typeof exitCode === 'number' ? { exitCode } : {}),
    ...(Array.isArray(update['content']) ? { content: boundedList(update['content']) } : {}),
    ...(Array.isArray(update['locations']) ? { locations: boundedList(update['locations']) } : {}),
  };
}

/** A value as it is, or the start of its text when it is too large to be stored. */
export function bounded(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text === undefined || text.length <= longestOutput) return value;
  return `${startOf(text, longestOutput)}\n[cut after ${longestOutput} characters]`;
}

export const boundedList = (values: readonly unknown[]): unknown[] => values.slice(0, mostPieces).map(bounded);

const isStatus = (value: unknown): value is NonNullable<ToolFields['status']> =>
  value === 'pending' || value === 'in_progress' || value === 'completed' || value === 'failed';

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

/** A first title is often the tool's own name; it is kept when a nicer title replaces it. Output in pieces is put together. */
export function mergedFields(
  known: Readonly<Record<string, unknown>>,
  { outputDelta, ...fields }: ToolFields,
): Record<string, unknown> {
  const tool = fields.tool ?? known['tool'] ?? (known['title'] === undefined ? fields.title : undefined);
  const before = typeof known['output'] === 'string' ? known['output'] : '';
  return {
    ...fields,
    ...(tool === undefined ? {} : { tool }),
    ...(outputDelta === undefined ? {} : { output: startOf(before + outputDelta, longestOutput) }),
  };
}
