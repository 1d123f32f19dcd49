import { plainNameOf, freeSlug } from './free-slug.js';

it.each([
  ['Build agent!', 'build-agent'],
  ['  --x--  ', 'x'],
  ['Ärger', 'a-rger'],
  ['日本', 'agent'],
  ['scheduler', 'scheduler-agent'],
  ['a'.repeat(100), 'a'.repeat(48)],
])('%j is called %s', (text, name) => {
  expect(plainNameOf(text)).toBe(name);
});

it.each([
  [[], 'a'],
  [['a'], 'a-2'],
  [['a', 'a-2', 'a-4'], 'a-3'],
])('among %j the next is %s', async (slugs, expected) => {
  const query = (() => Promise.resolve(slugs.map((slug) => ({ slug })))) as never;
  expect(await freeSlug({ query }, 'a')).toBe(expected);
});
