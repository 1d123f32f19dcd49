// Lets plain Node run the TypeScript of the benchmarks. The product itself is always the built one.
require('../test/support/register.cjs');
