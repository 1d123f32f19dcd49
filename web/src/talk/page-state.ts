/** What the server tells of an agent and a conversation. */
export interface PageState {
  readonly name: string;
  readonly state: 'starting' | 'running' | 'stopped' | 'failed' | 'gone';
  readonly title: string | null;
}

/** What somebody who looks at the page needs to know; null while the agent runs. */
export function sentenceOf({ name, state }: PageState): string | null {
  switch (state) {
    case 'running':
      return null;
    case 'starting':
      return `${name} is starting. It takes messages when it runs.`;
    case 'stopped':
      return `${name} is stopped. What was said stays here; it takes messages again when it is started.`;
    case 'failed':
      return `${name} could not go on. What was said stays here.`;
    case 'gone':
      return 'This conversation is gone: it was deleted, or the address is wrong.';
  }
}

export const stateWords: Readonly<Record<PageState['state'], string>> = {
  running: 'Running',
  starting: 'Starting',
  stopped: 'Stopped',
  failed: 'Failed',
  gone: 'Gone',
};
