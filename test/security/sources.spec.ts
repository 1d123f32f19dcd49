import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createContext, Script } from 'node:vm';
import ts from 'typescript';
import { nests } from './support/regex-risk.js';

const root = join(__dirname, '../..');

interface Source {
  readonly path: string;
  readonly file: ts.SourceFile;
}

/** What is compiled into the product: the server and its page. */
function sourcesIn(...folders: readonly string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && !/\.(spec|test)\.tsx?$/.test(name) && !name.includes('node_modules'))
      .map((name) => {
        const path = join(root, folder, name);
        const text = readFileSync(path, 'utf8');
        return { path: relative(root, path), file: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
      }),
  );
}

function each({ file }: Source, look: (node: ts.Node) => void): void {
  const visit = (node: ts.Node): void => {
    look(node);
    ts.forEachChild(node, visit);
  };
  visit(file);
}

const sqlWords =
  /\b(select\s|insert\s+into\b|update\s+[\w"]+\s+set\b|delete\s+from\b|where\s|order\s+by\b|group\s+by\b|(left\s+|inner\s+)?join\s|union\s|alter\s+table\b|(create|drop)\s+(unique\s+)?(table|index)\b|truncate\s|listen\s|notify\s|copy\s+\w+\s+(to|from)\b|limit\s+\$|returning\s)|\$\d\b|::(text|int|jsonb|timestamptz)\b/;

/** SQL that is put together from parts: the text around what is put in, and each of what is put in. */
function builtSql(source: Source): string[] {
  const found: string[] = [];
  each(source, (node) => {
    if (ts.isTemplateExpression(node)) {
      const texts = [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)];
      if (!sqlWords.test(texts.join(' ? '))) return;
      for (const { expression } of node.templateSpans) found.push(expression.getText(source.file));
    }
    const plus = ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken;
    if (!plus) return;
    for (const [one, other] of [
      [node.left, node.right],
      [node.right, node.left],
    ] as const) {
      const text = ts.isStringLiteralLike(one) ? one.text : '';
      if (sqlWords.test(text) && !ts.isStringLiteralLike(other)) found.push(other.getText(source.file));
    }
  });
  return found.map((one) => one.replace(/\s+/g, ' '));
}

/**
 * Looked at by a person: each is a text of our own, or the number of a placeholder; none is what somebody sent. What is new in
 * a statement is new here as well, with a look at where it comes from.
 */
const reviewed: readonly (readonly [RegExp, RegExp])[] = [
  // Columns and tables of entities, as TypeORM names them; conditions that our own functions write for an alias.
  [/^src\/core\//, /^this\.(select|tables|(agents|instances|sessions)\.columns)$/],
  [/^src\/core\//, /^(visible|shared)\.sql$|^hasShares$|^mayCall$/],
  [/^src\/core\//, /^(phaseSql|atWork|hasWork|saidAt|waitedForPeople)\('[\w.]+'(, '\$\d')?\)$/],
  // Numbers of placeholders.
  [/access\.service\.ts$/, /^(startIndex \+ 1|index|first|sql)$/],
  [/agent-pages\.service\.ts$/, /^(at \+ [12]|sql)$/],
  // Texts that stand a few lines above.
  [/principals\.ts$/, /^(userColumns|condition)$/],
  [/(agent-grants|requests)\.service\.ts$/, /^sql$/],
  [/agent-directory\.service\.ts$/, /^tagged$|^wanted\.length > 0 \? tagged : ''$/],
  [/(fleet-overview|workload)\.service\.ts$/, /^(columns|tables|i|phaseSql\(i\))$/],
  [/groups\.service\.ts$/, /^condition$/],
  [/home-layouts\.service\.ts$/, /^mostFolders$/],
  [/job-runner\.ts$/, /^(change|due)$/],
  [/request-times\.ts$/, /^(turnId|now)$/],
  [/ssh-logins\.service\.ts$/, /^select$/],
  // Names of places that are sealed, a list in the sources.
  [/master-key-rotation\.ts$/, /^(columns\.join\(\)|table|where|id|batch|column|stored)$/],
  // Names of channels and tables, constants.
  [/^src\/platform\/database\//, /^channel$/],
  // Names of an entity's table and columns (an unknown property throws), and an ending that the type limits to two.
  [/entity-reads\.ts$/, /^(reader\.columns|tablePath|conditions\.join\(' and '\)|ending)$/],
  [
    /^src\/migrations\//,
    /^(table|when|(columns|sums|fields)\.join\(', '\)|kinds\.map\(\(kind\) => `drop column \$\{kind\}_tokens`\)\.join\(', '\)|kind)$/,
  ],
  // A pattern, and sentences for people in English.
  [/platform\/logging\/redaction\.ts$/, /^sealed$/],
  [/^src\/(demo-model|gateways\/ssh)\//, /^(host|port|reason|String\(error\))$/],
  [/public-address\.ts$/, /^this\.port$/],
];

describe('S29: SQL in the sources', () => {
  it('is never put together from what somebody sent: every part is on the reviewed list', () => {
    const built = sourcesIn('src').flatMap((source) => builtSql(source).map((part) => `${source.path}: ${part}`));
    const unknown = built.filter(
      (one) =>
        !reviewed.some(
          ([where, what]) => where.test(one.split(': ')[0] ?? '') && what.test(one.slice(one.indexOf(': ') + 2)),
        ),
    );
    expect([...new Set(unknown)]).toEqual([]);
    expect(built.length).toBeGreaterThan(30);
  });

  it('would be found however it is written', () => {
    const of = (text: string): string[] =>
      builtSql({ path: 'x.ts', file: ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true) });
    expect(of('const sql = `select * from users where name = ${name}`; db.query(sql)')).toEqual(['name']);
    expect(of("db.query('delete from users where id = ' + id)")).toEqual(['id']);
    expect(of('const part = `where ${a} and b = $1`')).toEqual(['a']);
    expect(of('const text = `hello ${name}`')).toEqual([]);
  });
});

describe('S44: patterns', () => {
  const patterns = sourcesIn('src', 'web/src').flatMap((source) => {
    const found: { readonly where: string; readonly literal: string }[] = [];
    each(source, (node) => {
      if (node.kind === ts.SyntaxKind.RegularExpressionLiteral)
        found.push({ where: source.path, literal: node.getText(source.file) });
    });
    return found;
  });
  const parsed = patterns.map(({ where, literal }) => {
    const end = literal.lastIndexOf('/');
    return { where, literal, source: literal.slice(1, end), flags: literal.slice(end + 1) };
  });

  /** They nest, and are harmless: each turn of the outer repetition begins or ends with a character the inner one cannot hold. */
  const harmless: readonly string[] = [
    // Endings of files: a comma before each.
    String.raw`/^(none|\.?[a-z0-9]+(,\s*\.?[a-z0-9]+)*)$/i`,
    // Name of an image: a separator before each part.
    String.raw`/^([a-z0-9][a-z0-9.-]*(:\d{1,5})?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$/`,
  ];

  it('that repeat what repeats are on a list, each looked at', () => {
    const risky = parsed.filter(({ source }) => nests(source)).map(({ literal }) => literal);
    expect([...new Set(risky)].filter((literal) => !harmless.includes(literal))).toEqual([]);
    expect(parsed.length).toBeGreaterThan(100);
  });

  it('and they would be found', () => {
    for (const bad of ['(a+)+', '(a*)*b', '^(\\w+\\s?)*$', '(?:a|b+)+', '((a+)b?)+', '(x{1,})*', '([a-z]+)*']) {
      expect([bad, nests(bad)]).toEqual([bad, true]);
    }
    for (const good of ['a+b+', '(a|b)+', '[+*]+', '(a+)?', '(\\()+', '(a{2})+', '(?:ab+)', '\\(a+\\)+']) {
      expect([good, nests(good)]).toEqual([good, false]);
    }
  });

  it('are all done with thousands of hostile characters, whatever they are made of', () => {
    const units = [
      'a',
      'A',
      '0',
      '-',
      '_',
      '.',
      '/',
      ' ',
      '\t',
      '\n',
      '@',
      '%',
      '<',
      '=',
      ':',
      ',',
      '"',
      "'",
      '\\',
      'é',
      '\u001b[',
    ];
    const pairs = ['a-', 'a.', '../', 'a/', ' a', '<<', '%2', 'a@', 'a=', '{}', '[]', '()', '--', '\r\n', '": ', '\\"'];
    const pumped = [...units, ...pairs].map((unit) => unit.repeat(Math.ceil(4000 / unit.length)));
    const context = createContext({
      texts: pumped.flatMap((text) => [text, `${text}\u0000`, `a${text}!`, `"${text}`]),
    });
    const slow: string[] = [];
    for (const { where, literal } of new Map(parsed.map((one) => [one.literal, one])).values()) {
      try {
        // One that grows with the square of the length is done in a moment; one that grows faster is not.
        new Script(`for (const text of texts) ${literal}.test(text)`).runInContext(context, { timeout: 10_000 });
      } catch (error) {
        slow.push(`${where} ${literal}: ${String(error)}`);
      }
    }
    expect(slow).toEqual([]);
  }, 120_000);
});
