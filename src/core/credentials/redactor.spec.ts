import { hiddenMark, Redactor } from './redactor.js';

const value = 'sk-live-4711"x';
const redactor = Redactor.of([value, 'short', 'other-secret', 'other-secret-longer']);

describe('Redactor', () => {
  it.each([
    ['as it is', `key=${value}!`, `key=${hiddenMark}!`],
    ['in JSON', JSON.stringify({ key: value }), `{"key":"${hiddenMark}"}`],
    ['in a URL', `?k=${encodeURIComponent(value)}&x`, `?k=${hiddenMark}&x`],
    ['as base64', Buffer.from(value).toString('base64'), `${hiddenMark}=`],
    ['twice', `${value}${value}`, `${hiddenMark}${hiddenMark}`],
    ['the longest of two that begin alike', 'other-secret-longer other-secret', `${hiddenMark} ${hiddenMark}`],
    ['shorter than six characters: left alone', 'short', 'short'],
    ['nothing to hide', 'sk-live-4710', 'sk-live-4710'],
    ['an empty text', '', ''],
  ])('%s', (_name, text, clean) => {
    expect(redactor.text(text)).toBe(clean);
  });

  it('hides each long line of a value of several lines, but not the markers around a key', () => {
    const key = '-----BEGIN KEY-----\nabcdefghijklmnopqrstuvwxyz\nshortline\n-----END KEY-----\n';
    const lines = Redactor.of([key]);
    expect(lines.text(key.replaceAll('\n', '\r\n'))).toBe(
      `-----BEGIN KEY-----\r\n${hiddenMark}\r\nshortline\r\n-----END KEY-----\r\n`,
    );
    expect(lines.text(`>${key}<`)).toBe(`>${hiddenMark}\n<`);
  });

  it('walks values and leaves what is kept', () => {
    const given = { id: value, list: [value, 1, null], [value]: { deep: value } };
    expect(redactor.deep(given, (name) => name === 'id')).toEqual({
      id: value,
      list: [hiddenMark, 1, null],
      [hiddenMark]: { deep: hiddenMark },
    });
  });

  it('finds a value torn at any place, in any two and three pieces', () => {
    const text = `ab ${value} other-secret-long other-secret-longer sk-live other`;
    const clean = redactor.text(text);
    for (let i = 0; i <= text.length; i += 1) {
      for (let j = i; j <= text.length; j += 1) {
        const stream = redactor.stream();
        const shown = [text.slice(0, i), text.slice(i, j), text.slice(j)].map((piece) => stream.push(piece));
        expect(shown.join('') + stream.end()).toBe(clean);
        expect(stream.held).toBe(0);
      }
    }
  });

  it('hides the beginning of a value at the end of a text that will grow', () => {
    expect(redactor.growing('key sk-li')).toBe(`key ${hiddenMark}`);
    expect(redactor.growing('ask sk')).toBe('ask sk');
    expect(redactor.growing('done')).toBe('done');
  });

  it('takes more values later', () => {
    const grown = Redactor.collecting();
    grown.add('first-value');
    grown.add('second-value');
    grown.add('second-value-longer');
    expect(grown.text('first-value second-value-longer')).toBe(`${hiddenMark} ${hiddenMark}`);
  });

  it('does nothing where nothing is hidden', () => {
    expect(Redactor.of(['abc', ''])).toBe(Redactor.none);
    expect(Redactor.none.stream().push('text')).toBe('text');
  });
});
