import path from 'node:path';
import type { Conversation, Fields, Tool, ToolCall } from './conversation.js';
import type { Step } from './script.js';

type ToolStep = Extract<Step, { op: 'write' | 'bash' | 'read' | 'ask' }>;

/** How the runtimes name the tool behind a step, best first. */
const names = {
  write: ['write', 'Write', 'write_file'],
  bash: ['bash', 'Bash', 'run_shell_command', 'exec_command', 'shell_command', 'shell', 'local_shell'],
  read: ['read', 'Read', 'read_file'],
  ask: ['question', 'AskUserQuestion', 'ask_user', 'request_user_input'],
} as const;

/** Where runtimes tell the model their working directory, in the words of each. */
const directoryWords = [
  /<cwd>\s*([^<\n]+?)\s*<\/cwd>/,
  /working directory:?\s*`?(\/[^\n`<]*?)`?\s*(?:[\n<(]|$)/i,
  /(?:current(?:ly)? working (?:in the )?directory|working in (?:the )?director(?:y|ies))(?: is)?:?\s*(?:\n\s*-\s*)?`?(\/[^\n`<]*?)`?\s*(?:[\n<(]|$)/i,
  /workspace director(?:y|ies):?\**:?\s*(?:\n\s*-\s*)?`?(\/[^\n`<]*?)`?\s*(?:[\n<(]|$)/i,
];

/** The tool call for a step, or null if the runtime offers no tool that could do it. */
export function callFor(step: ToolStep, conversation: Conversation): ToolCall | null {
  switch (step.op) {
    case 'write':
      return writeCall(step.path, `${step.text}\n`, conversation);
    case 'read':
      return readCall(step.path, conversation);
    case 'bash':
      return bashCall(step.command, conversation.tools);
    case 'ask':
      return askCall(step, conversation.tools);
  }
}

/** The directory the runtime works in, as it told the model; null if it did not. */
export function workingDirectory(conversation: Conversation): string | null {
  const texts = [conversation.system, ...conversation.messages.map((message) => message.text)];
  for (const text of texts) {
    for (const words of directoryWords) {
      const found = words.exec(text)?.[1]?.trim();
      if (found?.startsWith('/')) return found.length > 1 ? found.replace(/[/.]+$/, '') : found;
    }
  }
  return null;
}

// Some tools accept absolute paths only. Without a known directory the shell does it, where relative paths work.
function writeCall(file: string, content: string, conversation: Conversation): ToolCall | null {
  const { tools } = conversation;
  const tool = find(tools, names.write);
  const absolute = absolutePath(file, conversation);
  if (tool && absolute !== null) {
    return { name: tool.name, input: { [pathName(tool)]: absolute, [param(tool, 'content', 'text')]: content } };
  }
  const patch = find(tools, ['apply_patch']);
  if (patch) {
    const lines = content.replace(/\n$/, '').split('\n');
    const input = ['*** Begin Patch', `*** Add File: ${file}`, ...lines.map((line) => `+${line}`), '*** End Patch', ''];
    const text = input.join('\n');
    return { name: patch.name, input: patch.freeForm ? text : { [param(patch, 'patchText', 'input', 'patch')]: text } };
  }
  return bashCall(`printf '%s' ${quote(content)} > ${quote(file)}`, tools);
}

function readCall(file: string, conversation: Conversation): ToolCall | null {
  const tool = find(conversation.tools, names.read);
  const absolute = absolutePath(file, conversation);
  if (!tool || absolute === null) return bashCall(`cat ${quote(file)}`, conversation.tools);
  return { name: tool.name, input: { [pathName(tool)]: absolute } };
}

function bashCall(command: string, tools: readonly Tool[]): ToolCall | null {
  const tool = find(tools, names.bash);
  if (!tool) return codeCall(command, tools);
  if (tool.name === 'exec_command') return { name: tool.name, input: { cmd: command } };
  if (tool.name === 'shell') return { name: tool.name, input: { command: ['bash', '-lc', command] } };
  const description: Fields = tool.params.includes('description') ? { description: 'Scripted command' } : {};
  return { name: tool.name, input: { command, ...description } };
}

/** Codex in "code mode" offers one tool that runs JavaScript, with the others as functions in it. */
function codeCall(command: string, tools: readonly Tool[]): ToolCall | null {
  const tool = tools.find((candidate) => candidate.name === 'exec' && candidate.freeForm);
  if (!tool) return null;
  return { name: tool.name, input: `text((await tools.exec_command({ cmd: ${JSON.stringify(command)} })).output);` };
}

function askCall(step: Extract<Step, { op: 'ask' }>, tools: readonly Tool[]): ToolCall | null {
  const tool = find(tools, names.ask);
  if (!tool) return null;
  const extra: Readonly<Record<string, Fields>> = {
    AskUserQuestion: { multiSelect: false },
    ask_user: { type: 'choice' },
    request_user_input: { id: 'scripted' },
  };
  const question = {
    question: step.question,
    header: 'Demo',
    options: step.options.map((label) => ({ label, description: `Choose ${label}` })),
    ...extra[tool.name],
  };
  return { name: tool.name, input: { questions: [question] } };
}

function find(tools: readonly Tool[], wanted: readonly string[]): Tool | null {
  for (const name of wanted) {
    const tool = tools.find((candidate) => candidate.name === name);
    if (tool) return tool;
  }
  return null;
}

/** The first of these parameter names that the tool has; the first of all if its schema is unknown. */
function param(tool: Tool, ...wanted: readonly [string, ...string[]]): string {
  return wanted.find((name) => tool.params.includes(name)) ?? wanted[0];
}

function pathName(tool: Tool): string {
  return param(
    tool,
    tool.name === 'write' || tool.name === 'read' ? 'filePath' : 'file_path',
    'file_path',
    'filePath',
    'path',
  );
}

function absolutePath(file: string, conversation: Conversation): string | null {
  if (path.posix.isAbsolute(file)) return file;
  const directory = workingDirectory(conversation);
  return directory === null ? null : path.posix.join(directory, file);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
