import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsNotEmpty, IsString } from 'class-validator';
import { envFileOf, idOf, type Template } from '../../core/library/template.rules.js';

export class EnvTemplateQuery {
  @IsString()
  @IsNotEmpty()
  template_id!: string;
}

export class TemplateView {
  @ApiProperty({ example: 'local:business-assistant' }) id!: string;
  @ApiProperty({ example: 'Business assistant' }) display_name!: string;
  @ApiProperty() description!: string;
  @ApiProperty({ type: 'array', items: { type: 'string' } }) mcp_servers!: readonly string[];
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: { cpu: '2', memory: '4g' } })
  resources!: Record<string, string>;
  @ApiProperty({ enum: ['local', 'github'] }) source!: string;
  @ApiProperty({ type: 'array', items: { type: 'string' }, example: ['CRM_TOKEN'] }) required_credentials!: string[];
  @ApiPropertyOptional({ example: 'Org/repo' }) github_repo?: string;

  static of(template: Template): TemplateView {
    const { ref, displayName, description, mcpServers, resources, credentials } = template;
    return {
      id: idOf(ref),
      display_name: displayName,
      description,
      mcp_servers: mcpServers,
      resources: resources ? { ...resources } : {},
      source: ref.source,
      required_credentials: credentials.map(({ name }) => name),
      ...(ref.source === 'github' ? { github_repo: ref.repository } : {}),
    };
  }
}

export class EnvTemplateView {
  @ApiProperty({ example: 'local:business-assistant' }) template_id!: string;
  @ApiProperty({ example: 'Business assistant' }) template_name!: string;
  @ApiProperty({ example: '# Credentials for Business assistant\nCRM_TOKEN=\n' }) content!: string;
  @ApiProperty({ example: 1 }) credential_count!: number;

  static of(template: Template): EnvTemplateView {
    return {
      template_id: idOf(template.ref),
      template_name: template.displayName,
      content: envFileOf(template),
      credential_count: template.credentials.length,
    };
  }
}
