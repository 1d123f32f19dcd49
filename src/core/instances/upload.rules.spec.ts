import { isDraft, refusedExtensions, requireContent, requireExtension, uploadNameOf } from './upload.rules.js';

describe('names of uploads', () => {
  it.each([
    ['spec.pdf', 'spec.pdf'],
    ['../../x', 'x'],
    ['/etc/passwd', 'passwd'],
    ['C:\\temp\\a.txt', 'a.txt'],
    ['..hidden', 'hidden'],
    ['. .env', 'env'],
    ['a\u0000b\u001b[31m\u007f.txt', 'ab[31m.txt'],
    ['  spaced name.txt ', 'spaced name.txt'],
    ['größe 文.md', 'größe 文.md'],
    ['a'.repeat(200), 'a'.repeat(200)],
  ])('%j is stored as %j', (given, name) => {
    expect(uploadNameOf(given)).toBe(name);
  });

  it.each(['', '..', '/', 'a/', '...', '\u0001', 'a'.repeat(201), 'é'.repeat(101)])('%j is none', (given) => {
    expect(() => uploadNameOf(given)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});

describe('kinds of uploads', () => {
  it.each(['a.exe', 'A.EXE', 'archive.tar.Deb', 'lib.so', 'x.jar ', 'a.b.dylib', 'x.exe.', 'x.exe. .'])(
    '%s is refused by name',
    (name) => {
      expect(() => requireExtension(name, refusedExtensions)).toThrow(
        expect.objectContaining({ code: 'file_type_not_allowed' }),
      );
    },
  );

  it.each(['exe', 'a.txt', 'a.exe.zip', 'so', 'notes.sox', 'main.c', 'a.'])('%s passes', (name) => {
    expect(() => requireExtension(name, refusedExtensions)).not.toThrow();
  });

  it.each([
    ['ELF', Buffer.from('\x7fELF\x02\x01', 'latin1')],
    ['Windows', Buffer.from('MZ\x90\x00\x03', 'latin1')],
    ['macOS', Buffer.from('cffaedfe07000001', 'hex')],
    ['macOS, fat', Buffer.from('cafebabe00000002', 'hex')],
    ['macOS, fat for large programs', Buffer.from('cafebabf00000002', 'hex')],
  ])('a program for %s is refused by content', (_kind, start) => {
    expect(() => requireContent(start)).toThrow(expect.objectContaining({ code: 'file_type_not_allowed' }));
  });

  it.each(['', 'M', 'MZ is how this text starts\tand goes on\n', '#!/bin/sh\n', '%PDF-1.7', 'PK\x03\x04', '\x7fELV'])(
    '%j passes',
    (text) => {
      expect(() => requireContent(Buffer.from(text, 'latin1'))).not.toThrow();
    },
  );
});

it.each([
  ['.spec.pdf.123.4~', true],
  ['.x.1.0~', true],
  ['spec.pdf', false],
  ['.env', false],
  ['.a~', false],
])('%s is a draft: %s', (name, draft) => {
  expect(isDraft(name)).toBe(draft);
});
