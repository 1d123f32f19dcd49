import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsNumber, IsOptional, IsString, MaxLength } from 'class-validator';
import type { GrantedSsh } from '../../core/ssh/ssh-access.service.js';
import type { SshEndpoint } from '../../core/ssh/ssh-endpoint.js';

export class SshAccessBody {
  @ApiPropertyOptional({ default: 4, example: 4, description: 'Hours until it expires; kept within 0.1 and 24' })
  @IsOptional()
  @IsNumber({ allowInfinity: true, allowNaN: false })
  ttl_hours?: number;

  @ApiPropertyOptional({ default: 'key', example: 'key', description: 'Nothing but `key` is offered' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  auth_method?: string;

  @ApiPropertyOptional({
    example: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7v9bMB0qhVQWcvqHh4b1T5uSV4aKrgTrEyG2zYcmqX you@laptop',
    description: 'One line of an `authorized_keys` file, without options',
  })
  @IsOptional()
  @IsString()
  @MaxLength(20_000)
  public_key?: string;

  @ApiPropertyOptional({ default: false, description: 'Instead of `public_key`: a pair is made for you' })
  @IsOptional()
  @IsBoolean()
  generate_key?: boolean;
}

export class SshConnectionView {
  @ApiProperty({ example: 'ssh -p 2222 hello@127.0.0.1' }) command!: string;
  @ApiProperty({ example: '127.0.0.1' }) host!: string;
  @ApiProperty({ example: 2222 }) port!: number;
  @ApiProperty({ example: 'hello' }) user!: string;
}

export class SshAccessView {
  @ApiProperty({ example: 'success' }) status!: string;
  @ApiProperty({ example: 'hello' }) agent!: string;
  @ApiProperty({ example: 'key' }) auth_method!: string;
  @ApiProperty() connection!: SshConnectionView;
  @ApiProperty({ example: '2026-03-26T16:00:00.000Z' }) expires_at!: string;
  @ApiProperty({ example: 4 }) expires_in_hours!: number;
  @ApiProperty({ type: 'array', items: { type: 'string' } }) instructions!: string[];
  @ApiPropertyOptional({ description: 'Only with `generate_key`, and only here: it is not kept' })
  private_key?: string;

  static of({ agent, credential, hours, privateKey }: GrantedSsh, endpoint: SshEndpoint): SshAccessView {
    const command = endpoint.command(agent.slug);
    const first = privateKey ? [`Save the key into a file that only you can read (chmod 600), and add -i <file>`] : [];
    return {
      status: 'success',
      agent: agent.slug,
      auth_method: 'key',
      connection: { command, host: endpoint.host, port: endpoint.port, user: agent.slug },
      expires_at: credential.expiresAt.toISOString(),
      expires_in_hours: hours,
      instructions: [...first, `Connect: ${command}`, `Key expires in ${hours} ${hours === 1 ? 'hour' : 'hours'}`],
      ...(privateKey ? { private_key: privateKey.reveal() } : {}),
    };
  }
}
