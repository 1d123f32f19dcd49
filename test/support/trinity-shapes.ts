/** An ISO time in UTC, as this API prints times. */
export const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/) as unknown as string;
export const text = expect.any(String) as unknown as string;
export const number = expect.any(Number) as unknown as number;

/** An agent just made by its name alone, as creating it answers. */
export const agentStatus = (name: string, fields: object = {}) => ({
  name,
  type: 'business-assistant',
  status: 'running',
  port: 0,
  created: time,
  resources: { cpu: '2', memory: '4g' },
  container_id: text,
  template: null,
  runtime: 'scripted',
  base_image_version: null,
  ...fields,
});

const seen = {
  owner: 'admin',
  is_owner: true,
  is_shared: false,
  is_system: false,
  github_repo: null,
  tags: [],
  autonomy_enabled: false,
  read_only_enabled: false,
  avatar_url: null,
  status_reason: null,
};

/** The same agent in the list of its owner. */
export const agentListed = (name: string, fields: object = {}) => ({
  ...agentStatus(name),
  ...seen,
  memory_limit: null,
  cpu_limit: null,
  ...fields,
});

/** The same agent as its owner gets it by name. */
export const agentDetail = (name: string, fields: object = {}) => ({
  ...agentStatus(name),
  ...seen,
  can_share: true,
  can_delete: true,
  shares: [],
  ...fields,
});
