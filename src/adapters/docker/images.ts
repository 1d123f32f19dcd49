import { Readable } from 'node:stream';
import { EngineError } from '../../core/instances/engine.errors.js';
import type { ImageProgress } from '../../core/instances/engine.port.js';
import { ensureBase } from './base-image.js';
import { defaultContext, packContext, readPackages, recipeOf, type Recipe } from './build-context.js';
import { readProgress } from './build-progress.js';
import type { Connection } from './connection.js';
import { isFault, messageOf } from './errors.js';
import { imageName } from './labels.js';

type Report = (step: ImageProgress) => void;

interface Build {
  readonly done: Promise<void>;
  readonly listeners: Set<Report>;
  readonly abort: AbortController;
  last: ImageProgress | null;
}

export interface ImageOptions {
  /** Build folder; default `docker/agent`. */
  readonly context?: string;
  /** Runtime -> npm packages; default `runtime-packages.json` in the build folder. */
  readonly packages?: Readonly<Record<string, string>>;
}

/** Finds and builds the images of the runtimes: one each, named after the content it was built from. */
export class Images {
  private readonly context: string;
  private readonly packages: Readonly<Record<string, string>>;
  private readonly builds = new Map<string, Build>();

  constructor(
    private readonly engine: Connection,
    options: ImageOptions = {},
  ) {
    this.context = options.context ?? defaultContext;
    this.packages = options.packages ?? readPackages(this.context);
  }

  async find(runtime: string): Promise<{ readonly name: string; readonly version: string } | null> {
    const recipe = this.recipe(runtime);
    if (!recipe) return null;
    const { version } = recipe;
    const name = imageName(runtime, version);
    try {
      await this.engine.call('looking for an image', () => this.engine.docker.getImage(name).inspect());
      return { name, version };
    } catch (error) {
      if (isFault(error, 'not_found', 'no_image')) return null;
      throw error;
    }
  }

  /** Joins a running build of the same runtime; the build is given up when everybody who waited for it has. */
  async prepare(runtime: string, report: Report, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const build = this.builds.get(runtime) ?? this.start(this.known(runtime));
    // Wrapped, because two callers may pass the same function.
    const listener: Report = (step) => report(step);
    build.listeners.add(listener);
    if (build.last) report(build.last);
    const leave = (): void => {
      build.listeners.delete(listener);
      if (build.listeners.size === 0) build.abort.abort();
    };
    try {
      await Promise.race([build.done, aborted(signal)]);
    } finally {
      leave();
    }
  }

  private start(recipe: Recipe): Build {
    const { runtime } = recipe;
    const listeners = new Set<Report>();
    const abort = new AbortController();
    const report: Report = (step) => {
      build.last = step;
      for (const listener of listeners) listener(step);
    };
    const done = this.build(recipe, report, abort.signal).finally(() => {
      if (this.builds.get(runtime) === build) this.builds.delete(runtime);
    });
    const build: Build = { done, listeners, abort, last: null };
    // An abandoned build gets no new company.
    abort.signal.addEventListener('abort', () => this.builds.delete(runtime));
    // Whoever waits gets the error; nobody waiting must not end the process.
    done.catch(() => undefined);
    this.builds.set(runtime, build);
    return build;
  }

  private async build(recipe: Recipe, report: Report, abortSignal: AbortSignal): Promise<void> {
    if (await this.find(recipe.runtime)) return;
    const base = await ensureBase(this.engine, report, abortSignal);
    const name = imageName(recipe.runtime, recipe.version);
    report({ step: `Building image ${name}` });
    // The upload and the build have no deadline, but the engine has to take the request.
    const output = await this.engine.docker
      .buildImage(Readable.from([await packContext(this.context)]), {
        t: name,
        buildargs: {
          BASE_IMAGE: base,
          RUNTIME: recipe.runtime,
          PACKAGES: recipe.packages,
          IMAGE_VERSION: recipe.version,
        },
        rm: true,
        forcerm: true,
        abortSignal,
      })
      .catch((error: unknown) => {
        throw failure(recipe.runtime, error);
      });
    try {
      await readProgress(output, (text) => report({ step: `Building the ${recipe.runtime} image, ${text}` }));
    } catch (error) {
      throw failure(recipe.runtime, error);
    }
    if (!(await this.find(recipe.runtime))) {
      throw new EngineError('no_image', `The engine ended the build of the ${recipe.runtime} image without an image`);
    }
  }

  private recipe(runtime: string): Recipe | null {
    const packages = Object.hasOwn(this.packages, runtime) ? this.packages[runtime] : undefined;
    return packages === undefined ? null : recipeOf(this.context, runtime, packages);
  }

  private known(runtime: string): Recipe {
    const recipe = this.recipe(runtime);
    if (recipe) return recipe;
    const names = Object.keys(this.packages).join(', ');
    throw new EngineError('no_image', `There is no image for runtime '${runtime}' (known: ${names})`);
  }
}

function failure(runtime: string, thrown: unknown): EngineError {
  const reason = messageOf(thrown, 1_500);
  // Only an error of the connection has a code; words like "certificate" may as well come from a command of the build.
  const lost = typeof (thrown as { code?: unknown }).code === 'string';
  const fault = /no space left on device/i.test(reason) ? 'disk_full' : lost ? 'unreachable' : 'refused';
  return new EngineError(fault, `The ${runtime} image could not be built: ${reason}`, { cause: thrown });
}

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new EngineError('refused', 'The build was given up')), {
      once: true,
    });
  });
}
