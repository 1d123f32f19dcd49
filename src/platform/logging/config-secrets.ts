import type { Config } from '../../config/config.js';
import { registerSecret } from './redaction.js';

/** Every secret of the configuration is sealed in logs from now on. Call it before the first line is written. */
export function registerConfigSecrets(config: Config): void {
  registerSecret(config.masterKey);
  registerSecret(config.credentialKey);
  registerSecret(config.adminPassword);
  registerSecret(config.github.token);
  for (const provider of Object.values(config.providers)) {
    registerSecret(provider.apiKey);
    registerSecret(provider.oauthToken);
    registerUrl(provider.baseUrl);
  }
  for (const url of [config.databaseUrl, config.smtpUrl]) {
    registerSecret(url);
    registerUrl(url?.reveal() ?? null);
  }
}

function registerUrl(text: string | null): void {
  if (!text) return;
  const { password } = new URL(text);
  registerSecret(password);
  registerSecret(decodeURIComponent(password));
}
