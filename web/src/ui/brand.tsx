import type { ReactNode } from 'react';

export const Brand = (): ReactNode => (
  <span className="brand">
    <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <rect width="32" height="32" rx="8" className="brand-hull" />
      <path d="M9 20 15 8v12zM17 20V11l6 9z" fill="#fff" />
      <path d="M6 22h20l-3 4H9z" fill="#fff" />
    </svg>
    <span>Flotilla</span>
  </span>
);
