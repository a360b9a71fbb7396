package filetest

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Crash returns the disk as a power cut at this moment leaves it. What is durable is there. What is not may be there or not: the
// seed decides it for each name; and for the bytes of each file whether they are old, new or torn. The disk itself goes on: it is
// that of processes that have not heard of the cut.
func (d *Disk) Crash(seed uint64) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := crash{rand.New(rand.NewPCG(seed, 1)), &Disk{inodes: d.inodes}, map[*node]*node{}}
	c.after.root = c.keep(d.root)
	return c.after
}

type crash struct {
	rng   *rand.Rand
	after *Disk
	kept  map[*node]*node // a file with two names stays one file
}

func (c *crash) keep(n *node) *node {
	if k := c.kept[n]; k != nil {
		return k
	}
	k := &node{inode: n.inode, folder: n.folder}
	c.kept[n] = k
	if n.folder {
		k.names = c.names(n)
		k.durableNames = maps.Clone(k.names)
		return k
	}
	k.data = c.bytes(n.durable, n.data)
	k.durable = slices.Clone(k.data)
	k.modified = n.durableModified
	if c.rng.IntN(2) == 0 {
		k.modified = n.modified
	}
	k.durableModified = k.modified
	return k
}

// names chooses for each name between what is durable and what was last done.
func (c *crash) names(n *node) map[string]*node {
	all := maps.Clone(n.durableNames)
	maps.Copy(all, n.names)
	kept := map[string]*node{}
	for _, base := range slices.Sorted(maps.Keys(all)) { // in order, for the seed's sake
		under := n.names[base]
		if was := n.durableNames[base]; was != under && c.rng.IntN(2) == 0 {
			under = was
		}
		if under != nil {
			kept[base] = c.keep(under)
		}
	}
	return kept
}

const sector = 512

// bytes chooses between old bytes, new ones and a mix.
func (c *crash) bytes(was, now []byte) []byte {
	if slices.Equal(was, now) {
		return slices.Clone(now)
	}
	switch c.rng.IntN(3) {
	case 0:
		return slices.Clone(was)
	case 1:
		return slices.Clone(now)
	}
	torn := make([]byte, min(len(was), len(now))+c.rng.IntN(max(len(was), len(now))-min(len(was), len(now))+1))
	for i := 0; i < len(torn); i += sector {
		switch end := min(i+sector, len(torn)); c.rng.IntN(3) {
		case 0:
			copy(torn[i:end], was[min(i, len(was)):])
		case 1:
			copy(torn[i:end], now[min(i, len(now)):])
		} // else zeros: the length came to the disk, the bytes did not
	}
	return torn
}
