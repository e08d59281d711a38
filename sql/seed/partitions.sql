select ops.ensure_partitions();
