/** The data source that the server, the tests and the TypeORM command line share. */
export { default } from './src/platform/database/data-source.js';
