// The hosts of TSBS's "devops, cpu-only" use case: ten tags each, drawn from its lists.
// @see timescale/tsbs pkg/data/usecases/devops/host.go

import type {SeededRandom} from '@flotilla/base';

const DATACENTERS: Readonly<Record<string, readonly string[]>> = {
  'us-east-1': ['us-east-1a', 'us-east-1b', 'us-east-1c', 'us-east-1e'],
  'us-west-1': ['us-west-1a', 'us-west-1b'],
  'us-west-2': ['us-west-2a', 'us-west-2b', 'us-west-2c'],
  'eu-west-1': ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'],
  'eu-central-1': ['eu-central-1a', 'eu-central-1b'],
  'ap-southeast-1': ['ap-southeast-1a', 'ap-southeast-1b'],
  'ap-southeast-2': ['ap-southeast-2a', 'ap-southeast-2b'],
  'ap-northeast-1': ['ap-northeast-1a', 'ap-northeast-1c'],
  'sa-east-1': ['sa-east-1a', 'sa-east-1b', 'sa-east-1c'],
};
const REGIONS = Object.keys(DATACENTERS);
const SYSTEMS = ['Ubuntu16.10', 'Ubuntu16.04LTS', 'Ubuntu15.10'];
const ARCHITECTURES = ['x64', 'x86'];
const TEAMS = ['SF', 'NYC', 'LON', 'CHI'];
const ENVIRONMENTS = ['production', 'staging', 'test'];
const RACKS = 100;
const SERVICES = 20;
const SERVICE_VERSIONS = 2;

/** Everything of a host's lines before the fields: measurement, tags and the blank. */
export function linePrefixOfHost(host: number, random: SeededRandom): string {
  const region = pick(REGIONS, random);
  const tags = [
    ['hostname', `host_${host}`],
    ['region', region],
    ['datacenter', pick(DATACENTERS[region]!, random)],
    ['rack', random.below(RACKS)],
    ['os', pick(SYSTEMS, random)],
    ['arch', pick(ARCHITECTURES, random)],
    ['team', pick(TEAMS, random)],
    ['service', random.below(SERVICES)],
    ['service_version', random.below(SERVICE_VERSIONS)],
    ['service_environment', pick(ENVIRONMENTS, random)],
  ];
  return `cpu,${tags.map(([key, value]) => `${key}=${value}`).join(',')} `;
}

function pick<T>(choices: readonly T[], random: SeededRandom): T {
  return choices[random.below(choices.length)]!;
}
