import { readFileSync } from 'node:fs';

const read = (file: string) => readFileSync(file, 'utf8');
/** Read by the scripts before there is a server. */
const scriptsOnly = ['FLOTILLA_INSTALL_ENGINE'];

describe('settings', () => {
  const known = [...read('src/config/environment.ts').matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map((match) => match[1]);

  it('are found in the source', () => {
    expect(known).toEqual(expect.arrayContaining(['FLOTILLA_HOST', 'DATABASE_URL', 'OPENAI_BASE_URL']));
  });

  it('are all described in .env.example, commented out, and nothing else is', () => {
    const described = [...read('.env.example').matchAll(/^#([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1]);
    expect([...described].sort()).toEqual([...known, ...scriptsOnly].sort());
  });

  it('are all in the table of the README', () => {
    const table = read('README.md');
    expect(known.filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
  });
});
