import { z } from 'zod';

export const yesNo = (name: string, otherwise = false) =>
  z
    .enum(['true', 'false', '1', '0'], { error: `${name} must be true or false.` })
    .transform((text) => text === 'true' || text === '1')
    .default(otherwise);

/** A setting that lists endings of files: `exe,dll`, or `none`. In small letters, without the dot. */
export const endingsOfFiles = (name: string) =>
  z
    .string()
    .regex(/^(none|\.?[a-z0-9]+(,\s*\.?[a-z0-9]+)*)$/i, {
      error: `${name} must list endings of files separated by commas, such as exe,dll, or be none.`,
    })
    .transform((text) =>
      text === 'none'
        ? []
        : text
            .toLowerCase()
            .split(/[,\s.]+/)
            .filter(Boolean),
    );
