import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, type RefObject, useLayoutEffect } from 'react';
import type { Item } from './transcript';

/** So many are simply drawn: they can be searched, printed and read aloud as a whole. */
const fewEnough = 250;
const likelyHeight = 90;
const gap = 12;

interface Props {
  readonly items: readonly Item[];
  /** What scrolls. */
  readonly box: RefObject<HTMLElement | null>;
  readonly draw: (item: Item) => ReactNode;
  /** Heights were measured: who reads along is kept at the end. */
  readonly onMeasured: () => void;
}

/** The items of a conversation. Of a long one only what is near the screen is drawn. */
export function ItemList(props: Props): ReactNode {
  if (props.items.length <= fewEnough) return props.items.map(props.draw);
  return <LongList {...props} />;
}

function LongList({ items, box, draw, onMeasured }: Props): ReactNode {
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => box.current,
    estimateSize: () => likelyHeight,
    getItemKey: (index) => items[index]?.id ?? index,
    overscan: 10,
    gap,
  });
  const height = virtual.getTotalSize();
  useLayoutEffect(onMeasured, [height, onMeasured]);
  return (
    <div className="long-list" style={{ height }}>
      {virtual.getVirtualItems().map(({ key, index, start }) => {
        const item = items[index];
        return (
          <div
            key={key}
            ref={virtual.measureElement}
            data-index={index}
            style={{ transform: `translateY(${start}px)` }}
          >
            {item && draw(item)}
          </div>
        );
      })}
    </div>
  );
}
