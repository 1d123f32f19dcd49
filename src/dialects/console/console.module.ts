import { Module } from '@nestjs/common';

/** Our own few routes: what no published API covers. They live under `/~console`. */
@Module({})
export class ConsoleModule {}
