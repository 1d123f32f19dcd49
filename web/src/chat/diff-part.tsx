import 'react-diff-view/style/index.css';
import { createTwoFilesPatch } from 'diff';
import { memo, type ReactNode, useMemo } from 'react';
import { Diff, type FileData, Hunk, parseDiff } from 'react-diff-view';
import type { ShownContent } from '../lib/types';

/** Longer texts are not compared line by line: that takes longer the more they differ. */
const longest = 200_000;
const patienceMs = 300;

/** A change of one file: what was taken away and what came, with a few lines around. */
export const DiffPart = memo(({ part }: { readonly part: ShownContent }): ReactNode => {
  const { path = 'a file', oldText, newText } = part;
  const file = useMemo(() => fileOf(oldText ?? '', newText ?? ''), [oldText, newText]);
  return (
    <figure className="change">
      <figcaption>
        <code>{path}</code>
      </figcaption>
      <div className="diff-lines" role="group" tabIndex={0} aria-label={`Change of ${path}`}>
        {file ? (
          <Diff viewType="unified" diffType={file.type} hunks={file.hunks}>
            {(hunks) => hunks.map((hunk) => <Hunk key={hunk.content} hunk={hunk} />)}
          </Diff>
        ) : (
          <pre>{newText}</pre>
        )}
      </div>
    </figure>
  );
});
DiffPart.displayName = 'DiffPart';

/** Null where there is nothing to compare, or too much. */
function fileOf(before: string, after: string): FileData | null {
  if (before.length + after.length > longest) return null;
  const patch = createTwoFilesPatch('a', 'b', before, after, '', '', { context: 3, timeout: patienceMs });
  if (!patch) return null;
  const [file] = parseDiff(patch.replace(/^=+\n/, 'diff --git a/a b/b\n'), { nearbySequences: 'zip' });
  return file && file.hunks.length > 0 ? file : null;
}
