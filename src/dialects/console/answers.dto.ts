import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, ApiResponse } from '@nestjs/swagger';

export class IssueView {
  @ApiProperty({ example: 'decision' }) field!: string;
  @ApiProperty({ example: 'Field required' }) message!: string;
  @ApiPropertyOptional({ enum: ['body', 'query', 'path'] }) place?: string;
  @ApiPropertyOptional({ example: 'missing' }) type?: string;
}

export class ErrorView {
  @ApiProperty({ example: 'request_not_found' }) code!: string;
  @ApiProperty({ example: 'request not found' }) message!: string;
  @ApiPropertyOptional({ type: [IssueView], description: 'One entry per field, where fields are wrong' })
  issues?: IssueView[];
}

/** How the console says no. */
export class RefusalView {
  @ApiProperty() error!: ErrorView;
}

/** Documents the errors of an operation, by status; every one needs a sign-in. */
export function Refuses(answers: Readonly<Record<number, string>> = {}): MethodDecorator & ClassDecorator {
  return applyDecorators(
    ...Object.entries({ 401: 'Not authenticated', ...answers }).map(([status, description]) =>
      ApiResponse({ status: Number(status), description, type: RefusalView }),
    ),
  );
}
