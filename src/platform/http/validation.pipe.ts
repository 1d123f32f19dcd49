import {
  type ArgumentMetadata,
  Injectable,
  type PipeTransform,
  type ValidationError,
  ValidationPipe,
} from '@nestjs/common';
import { BadRequestForm, Invalid, type Issue } from '../../core/errors/domain-error.js';
import { Unreadable } from './bodies.js';

type Place = NonNullable<Issue['place']>;

const places: Partial<Record<ArgumentMetadata['type'], Place>> = { body: 'body', query: 'query', param: 'path' };
const plain = new Set<unknown>([String, Number, Boolean, Array, Object, undefined]);

/** Machine-readable sorts of mistakes, by the name of the broken constraint. Others are `value_error`. */
const types: Readonly<Record<string, string>> = {
  isString: 'string_type',
  isInt: 'int_type',
  isNumber: 'float_type',
  isBoolean: 'bool_type',
  isArray: 'list_type',
  isObject: 'dict_type',
  isEnum: 'enum',
  isIn: 'enum',
};

/**
 * Turns bodies and queries into their DTO class, or throws `Invalid` with one issue per field. Unknown fields are
 * dropped in silence; a rejected value is never repeated, because it may be a secret.
 */
@Injectable()
export class InputPipe implements PipeTransform {
  private readonly body = pipeFor('body');
  private readonly query = pipeFor('query');
  private readonly path = pipeFor('path');

  async transform(value: unknown, meta: ArgumentMetadata): Promise<unknown> {
    const place = places[meta.type];
    if (!place) return value;
    if (value instanceof Unreadable) throw unreadable(value);
    // An array or a bare string must not pass for a DTO whose fields are all optional.
    if (place === 'body' && !plain.has(meta.metatype) && !isObjectOrNothing(value)) {
      throw new Invalid('The body must be an object', [
        { field: '', message: 'Input should be an object', place, type: 'dict_type' },
      ]);
    }
    try {
      return await (this[place].transform(value, meta) as Promise<unknown>);
    } catch (error) {
      if (error instanceof RangeError) throw new Invalid('The body is nested too deeply');
      throw error;
    }
  }
}

const isObjectOrNothing = (value: unknown): boolean =>
  value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value));

function unreadable({ status, message }: Unreadable): Invalid | BadRequestForm {
  if (status === 415) return new BadRequestForm(415, message);
  return new Invalid(message, [{ field: '', message, place: 'body', type: 'json_invalid' }], 'invalid_json');
}

function pipeFor(place: Place): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    // The value is only asked whether it is there at all; it goes into no message.
    validationError: { target: false, value: true },
    exceptionFactory: (errors) => {
      const issues = errors.flatMap((error) => issuesOf(error, place, ''));
      return new Invalid(
        issues.map(({ field, message }) => `${field}: ${message}`).join('; ') || 'Invalid input',
        issues,
      );
    },
  });
}

function issuesOf(error: ValidationError, place: Place, above: string): Issue[] {
  const field = above + error.property;
  const below = (error.children ?? []).flatMap((child) => issuesOf(child, place, `${field}.`));
  const [broken] = Object.entries(error.constraints ?? {});
  if (!broken) return below;
  const [constraint, message] = broken;
  const issue: Issue =
    error.value === undefined
      ? { field, message: 'Field required', place, type: 'missing' }
      : { field, message, place, type: types[constraint] ?? 'value_error' };
  return [issue, ...below];
}
