import { describeEngine } from '../support/engine-port-tests.js';
import { engineUnderTest } from './support.js';

describeEngine('docker', () => Promise.resolve(engineUnderTest()));
