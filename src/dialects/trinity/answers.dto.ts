import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiResponse } from '@nestjs/swagger';

/** How this API says no. */
export class DetailView {
  @ApiProperty({ example: 'Not authenticated' }) detail!: string;
}

export class ProblemView {
  @ApiProperty({ type: 'array', items: { type: 'string' }, example: ['body', 'username'] }) loc!: string[];
  @ApiProperty({ example: 'Field required' }) msg!: string;
  @ApiProperty({ example: 'missing' }) type!: string;
}

/** A body or query of the wrong shape: one entry per field. */
export class ProblemsView {
  @ApiProperty({ type: [ProblemView] }) detail!: ProblemView[];
}

/** Documents the errors of an operation, by status. 422 is worded by field, everything else in one sentence. */
export function Refuses(answers: Readonly<Record<number, string>>): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ...Object.entries(answers).map(([status, description]) =>
      ApiResponse({ status: Number(status), description, type: status === '422' ? ProblemsView : DetailView }),
    ),
  );
}
