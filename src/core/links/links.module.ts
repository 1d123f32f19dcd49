import { randomBytes } from 'node:crypto';
import { Global, Module } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { SealedSetting } from '../settings/sealed-setting.js';
import { LinkAddresses } from './link-addresses.js';
import { LinkFeed } from './link-feed.service.js';
import { LinkTalk } from './link-talk.service.js';
import { Links } from './links.service.js';
import { PublicAddress } from './public-address.js';

/** The key is read before anything that shows an address is made. */
const addresses = {
  provide: LinkAddresses,
  inject: [UnitOfWork, Config, PublicAddress],
  useFactory: async (db: UnitOfWork, config: Config, address: PublicAddress) => {
    const key = await new SealedSetting(db, config, 'links.key').get(() => randomBytes(32).toString('hex'));
    return new LinkAddresses(key, address);
  },
};
const services = [LinkFeed, LinkTalk, Links, PublicAddress];

/** Addresses that carry access of their own: for people who talk to an agent without an account. */
@Global()
@Module({ providers: [...services, addresses], exports: [...services, LinkAddresses] })
export class LinksModule {}
