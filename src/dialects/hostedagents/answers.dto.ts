import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, ApiResponse } from '@nestjs/swagger';

/** How this API says no (contract 1.3). */
export class ErrorView {
  @ApiProperty({ example: 'Agent not found', description: 'A sentence for people' }) error!: string;
  @ApiProperty({ example: 'agent_not_found', description: 'A word for programs' }) code!: string;
  @ApiPropertyOptional({ description: 'The agent it is about, where the answer has no other place for it' })
  agentId?: string;
  @ApiPropertyOptional({ description: 'The field that is wrong' }) field?: string;
}

const always = { 401: 'Invalid or missing API token' };

/** Documents the errors of an operation, by status. 401 is one of each. */
export function Refuses(answers: Readonly<Record<number, string>> = {}): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ...Object.entries({ ...always, ...answers }).map(([status, description]) =>
      ApiResponse({ status: Number(status), description, type: ErrorView }),
    ),
  );
}

export class DeletedView {
  @ApiProperty({ example: true }) deleted!: true;
}
