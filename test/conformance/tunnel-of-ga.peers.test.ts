/** A stock connector of gost 3.2.6 on our server. */
import { CARRIER_BYTES, tunnelSuite } from './tunnel-suite.ts'

const common = { server: 'ours', connector: 'ga', bulkBytes: 64 * 1024 * 1024, samples: 400, differs: [] } as const

tunnelSuite({ ...common, carrier: 'ws', cases: 'all' })
tunnelSuite({ ...common, carrier: 'tcp', cases: 'carrier', bulkBytes: CARRIER_BYTES })
tunnelSuite({ ...common, carrier: 'wss', cases: 'carrier', bulkBytes: CARRIER_BYTES })
