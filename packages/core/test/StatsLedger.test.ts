import { SegmentStorage } from "@signalbox/core/SegmentStorage"
import { segmentStorageSuite } from "@signalbox/core/testing/SegmentStorageSuite"
import { statsLedgerSuite } from "@signalbox/core/testing/StatsLedgerSuite"

segmentStorageSuite("SegmentStorage.layerMemory", SegmentStorage.layerMemory)
statsLedgerSuite("StatsLedger in memory", SegmentStorage.layerMemory)
