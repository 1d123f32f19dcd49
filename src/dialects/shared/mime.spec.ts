import { mimeOf } from './mime.js';

describe('what a file is', () => {
  it.each([
    ['a.png', '\x89PNG', 'image/png'],
    ['A.JPEG', '', 'image/jpeg'],
    ['page.html', '<b>', 'text/html; charset=utf-8'],
    ['notes.md', '# a', 'text/markdown; charset=utf-8'],
    ['main.py', 'print(1)', 'text/plain; charset=utf-8'],
    ['Makefile', 'all:', 'text/plain; charset=utf-8'],
    ['x.constructor', 'text', 'text/plain; charset=utf-8'],
    ['empty', '', 'text/plain; charset=utf-8'],
    ['core', 'a\0b', 'application/octet-stream'],
  ])('%s', (name, start, type) => {
    expect(mimeOf(name, Buffer.from(start, 'latin1'))).toBe(type);
  });

  it('a text that is cut within a character is a text', () => {
    expect(mimeOf('a', Buffer.from(`${'a'.repeat(4095)}ü`))).toBe('text/plain; charset=utf-8');
    expect(mimeOf('a', Buffer.from([0xff, 0xfe, 0x41, 0x42]))).toBe('application/octet-stream');
  });
});
