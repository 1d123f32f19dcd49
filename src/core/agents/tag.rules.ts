import { Invalid } from '../errors/domain-error.js';

const mostTags = 100;

/** A tag as a person wrote it -> as it is kept: trimmed and in lower case. Throws for anything but letters, digits and hyphens. */
export function tagOf(text: string): string {
  const tag = text.trim().toLowerCase();
  if (/^[\p{L}\p{N}-]{1,50}$/u.test(tag)) return tag;
  throw new Invalid('A tag has 1 to 50 letters, digits or hyphens', [], 'invalid_tag');
}

/** Each once, in order. */
export function tagsOf(texts: readonly string[]): string[] {
  const tags = [...new Set(texts.map(tagOf))].sort();
  if (tags.length > mostTags) throw new Invalid(`An agent has at most ${mostTags} tags`, [], 'too_many_tags');
  return tags;
}
