import { Injectable, Logger } from '@nestjs/common';
import { Invalid, NotFound } from '../errors/domain-error.js';
import { ListedRepositories } from './listed-repositories.js';
import { Repositories } from './repositories.port.js';
import { TemplateFolders } from './template-folders.port.js';
import {
  idOf,
  isLabel,
  isLocalName,
  type Template,
  templateFrom,
  type TemplateRef,
  templateRefOf,
} from './template.rules.js';

/** What agents can be made from. */
@Injectable()
export class Templates {
  private readonly logger = new Logger(Templates.name);

  constructor(
    private readonly folders: TemplateFolders,
    private readonly repositories: Repositories,
    private readonly listed: ListedRepositories,
  ) {}

  /** Those of this installation in order, then repositories that are listed; broken ones are left out. */
  async list(): Promise<Template[]> {
    const found = await Promise.all(
      (await this.folders.names()).map((name) =>
        this.find({ source: 'local', name }).catch((error: unknown) => {
          if (!(error instanceof Invalid)) throw error;
          this.logger.warn(error.message);
          return null;
        }),
      ),
    );
    return [...found.filter((template) => template !== null), ...(await this.listed.templates())];
  }

  /** Throws `NotFound`, and `Invalid` when its `template.yaml` is broken. */
  async get(id: string): Promise<Template> {
    let found: Template | null = null;
    try {
      found = await this.find(templateRefOf(id));
    } catch (error) {
      const absent = ['invalid_template', 'invalid_github_repo', 'unknown_repository'];
      if (!(error instanceof Invalid) || !absent.includes(error.code)) throw error;
    }
    if (!found) throw new NotFound('template', id);
    return found;
  }

  /**
   * What an agent is to be made from. A bare name that is no template is only a label: null. A repository without a
   * `template.yaml` is cloned all the same. Throws `Invalid` for other unknown ones and for broken ones.
   */
  async resolve(text: string): Promise<Template | null> {
    if (isLabel(text) && !isLocalName(text)) return null;
    const ref = templateRefOf(text);
    const found = await this.find(ref).catch((error: unknown) => {
      const absent = error instanceof Invalid && error.code === 'unknown_repository';
      throw absent ? new Invalid(`Unknown template: ${error.message}`, [], 'unknown_template') : error;
    });
    if (found) return found;
    if (ref.source === 'local' && text === ref.name) return null;
    if (ref.source === 'local') throw new Invalid(`Unknown template: ${idOf(ref)}`, [], 'unknown_template');
    return templateFrom(ref, '{}');
  }

  private async find(ref: TemplateRef): Promise<Template | null> {
    const document =
      ref.source === 'local'
        ? await this.folders.document(ref.name)
        : await this.repositories.text(ref.repository, 'template.yaml');
    return document === null ? null : templateFrom(ref, document);
  }
}
