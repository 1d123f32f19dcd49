import { tagOf, tagsOf } from './tag.rules.js';

describe('tags', () => {
  it.each([
    [' Prod ', 'prod'],
    ['a-1', 'a-1'],
    ['Über', 'über'],
    ['x'.repeat(50), 'x'.repeat(50)],
  ])('%j is kept as %j', (given, kept) => {
    expect(tagOf(given)).toBe(kept);
  });

  it.each(['', '   ', 'a b', 'a_b', 'a,b', 'a\0b', '<b>', "'; drop", 'x'.repeat(51)])('%j is refused', (given) => {
    expect(() => tagOf(given)).toThrow('1 to 50');
  });

  it('are kept once, in order', () => {
    expect(tagsOf(['web', 'Prod', 'prod', ' web'])).toEqual(['prod', 'web']);
    expect(tagsOf([])).toEqual([]);
  });

  it('are a hundred at most', () => {
    const many = Array.from({ length: 101 }, (_, index) => `tag-${index}`);
    expect(tagsOf(many.slice(1))).toHaveLength(100);
    expect(() => tagsOf(many)).toThrow('at most 100');
  });
});
