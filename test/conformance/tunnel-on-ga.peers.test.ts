/** Our session and sidecar on a stock server of gost 3.2.6. */
import { CARRIER_BYTES, STOCK_SERVER, tunnelSuite } from './tunnel-suite.ts'

const common = { server: 'ga', bulkBytes: 64 * 1024 * 1024, samples: 400, differs: STOCK_SERVER } as const

tunnelSuite({ ...common, connector: 'session', carrier: 'ws', cases: 'all' })
tunnelSuite({ ...common, connector: 'session', carrier: 'tcp', cases: 'carrier', bulkBytes: CARRIER_BYTES })
tunnelSuite({ ...common, connector: 'sidecar', carrier: 'tls', cases: 'carrier', bulkBytes: CARRIER_BYTES })
