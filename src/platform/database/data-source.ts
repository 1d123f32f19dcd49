import 'reflect-metadata';
import { loadConfig } from '../../config/environment.js';
import { createDataSource } from './create-data-source.js';

/** For the TypeORM command line (`-d dist/platform/database/data-source.js`): the server's own data source. */
export default createDataSource(loadConfig());
