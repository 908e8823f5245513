package callplan

import (
	"runtime"
	"slices"
	"syscall"
	"unsafe"
)

// When many providers ask in turn, a decision waits for memory above all, and half of that is finding out where memory is: the processor keeps that for some
// thousand pages of 4 KiB. In pages of 2 MiB the same number covers all plans. So the kernel is asked for those as soon as there are more plans than it can
// keep otherwise. It is the only thing that this package says to the system, and nothing but speed depends on the answer: kernels before 6.1, and those without
// large pages to spare, refuse.
const (
	largePage    = 2 << 20
	largeFrom    = 4 << 20 // octets of all sets together
	madvCollapse = 25      // MADV_COLLAPSE of madvise(2)
)

// stretchOf is the memory of a slice, as addresses.
func stretchOf[T any](v []T) (from, to uintptr) {
	from = uintptr(unsafe.Pointer(unsafe.SliceData(v)))
	return from, from + uintptr(cap(v))*unsafe.Sizeof(*new(T))
}

// touched calls each with the memory that decisions of the set touch.
func (s *Set) touched(each func(from, to uintptr)) {
	each(uintptr(unsafe.Pointer(s)), uintptr(unsafe.Pointer(s))+unsafe.Sizeof(*s))
	each(stretchOf(s.segments))
	each(stretchOf(s.targets))
	each(stretchOf(s.patterns))
	each(stretchOf(s.codes))
	for i := range s.segments {
		x := &s.segments[i].index
		if len(x.steps) == 0 {
			each(stretchOf(s.ops))
			each(stretchOf(s.actions))
			continue
		}
		each(stretchOf(x.steps))
		each(stretchOf(x.rows))
		each(stretchOf(x.minute))
		each(stretchOf(x.area))
		for _, n := range [2]*numbers{&x.calling, &x.called} {
			each(stretchOf(n.class))
			each(stretchOf(n.start))
		}
	}
}

// octets is how much memory decisions of the set touch.
func (s *Set) octets() (sum int) {
	if s == nil {
		return 0
	}
	s.touched(func(from, to uintptr) { sum += int(to - from) })
	return sum
}

// enlarge asks for large pages around the memory of the set. What else lies there belongs to the heap too and does not mind.
func (s *Set) enlarge() {
	var pages []uintptr
	s.touched(func(from, to uintptr) {
		for page := from / largePage; page*largePage < to; page++ {
			pages = append(pages, page)
		}
	})
	slices.Sort(pages)
	for _, page := range slices.Compact(pages) {
		// A refusal costs some speed and nothing else.
		syscall.Syscall(syscall.SYS_MADVISE, page*largePage, largePage, madvCollapse)
	}
	runtime.KeepAlive(s)
}
