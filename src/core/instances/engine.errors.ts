export type EngineFault =
  | 'unreachable' // the engine does not answer: nothing is known about what it did
  | 'not_found' // container, image or volume is not there
  | 'conflict' // name taken, or not possible in this state
  | 'no_image'
  | 'disk_full'
  | 'unsupported' // this engine cannot do it
  | 'refused'; // the engine said no, with a reason

/** What went wrong at the engine. `message` is for people and holds no secret. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  constructor(
    readonly fault: EngineFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
