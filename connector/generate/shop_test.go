package generate

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gros-lake/gros/connector"
	"github.com/gros-lake/gros/rows"
)

func newSource(t testing.TB, c Config) *source {
	t.Helper()
	s, err := open(t.Context(), connector.Env{Name: "made"}, &c)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*source)
}

// batches reads a split to its end.
func batches(t testing.TB, s *source, split, pos string) []rows.Batch {
	t.Helper()
	var all []rows.Batch
	for b, err := range s.Read(t.Context(), rows.Split{Source: "made", ID: split}, rows.Position(pos)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

func TestSessionsHaveTheStatisticsOfTheChain(t *testing.T) {
	conf := Config{SessionsPerDay: 100_000, Seed: 1}.withDefaults()
	s, err := newShop(conf, 0, 0, place{})
	if err != nil {
		t.Fatal(err)
	}
	const days = 4
	var sessions, steps, events, confirmed float64
	var shares [pages]float64
	var perHour [24]float64
	reached := map[uint64]bool{}
	for range days * 24 * stepsAnHour {
		hour := s.step / stepsAnHour % 24
		s.advance()
		events += float64(len(s.events))
		steps += float64(len(s.visits))
		for _, e := range s.events {
			shares[e.page]++
		}
		for _, v := range s.visits {
			if v.age == 0 {
				sessions++
				perHour[hour]++
			}
			if v.page == confirmation && !reached[v.seed] {
				reached[v.seed] = true
				confirmed++
			}
		}
	}
	near := func(what string, got, want, bound float64) {
		t.Helper()
		if math.Abs(got-want) > bound {
			t.Errorf("%s: %.4f, want %.4f ± %.4f", what, got, want, bound)
		}
	}
	near("sessions", sessions, days*100_000, 4*math.Sqrt(days*100_000))
	near("steps a session", steps/sessions, 4.333, .03)
	near("events a session", events/sessions, 2.434, .015)
	near("sessions that reach confirmation", confirmed/sessions, .120, .003)
	for page, want := range []float64{.404, .227, .150, .102, .068, .049} {
		near("share of "+pageNames[page], shares[page]/events, want, .003)
	}
	for hour, weight := range hours {
		want := days * 100_000 * weight
		// A step's stamp is that of its end, so an hour has one step of the next.
		near("visits of an hour", perHour[hour], want, 5*math.Sqrt(want)+want/stepsAnHour)
	}
}

func TestAnEventIsAtMostSixSecondsBehindTheNewestBefore(t *testing.T) {
	s := newSource(t, Config{Rows: 100_000, SessionsPerDay: 1_000_000, Seed: 3})
	newest, worst := int64(0), int64(0)
	for _, b := range batches(t, s, "0", "") {
		for _, v := range b.Rows.Column(1).(*array.Timestamp).TimestampValues() {
			worst = max(worst, newest-int64(v))
			newest = max(newest, int64(v))
		}
		if got := b.EventTime.UnixMicro(); got > newest || got < newest-6_000_000 {
			t.Fatalf("event time %d of a batch, newest row %d", got, newest)
		}
	}
	if worst > 6_000_000 || worst < 5_000_000 {
		t.Errorf("an event is %d µs behind, want up to 6 s", worst)
	}
}

func TestUsersAreDistributedAsTheyShould(t *testing.T) {
	counts := map[string]float64{}
	const n = 40_000
	for i := range uint32(n) {
		u := newUser(7, i)
		for f, field := range fields {
			if field.part == isCode {
				counts[field.name+"="+u.text(f)]++
			}
		}
	}
	for field, all := range map[string][]weighted{"os": systems, "utm_source": origins, "utm_content": ads, "utm_campaign": campaigns, "utm_medium": media, "browser_name": browsers} {
		for _, w := range all {
			if got := counts[field+"="+w.text] / n; math.Abs(got-w.p) > .01 {
				t.Errorf("%s %s: share %.3f, want %.3f", field, w.text, got, w.p)
			}
		}
	}
}

func TestMoreUsersThanAreKeptStayThemselves(t *testing.T) {
	p := newPeople(1, 1_000_000)
	for range 2 {
		for _, number := range []uint32{5, 5 + knownUsers, 999_999} {
			if got, want := p.get(number), newUser(p.seed, number); got.texts != want.texts || got.codes != want.codes {
				t.Errorf("user %d is another: %v", number, got.texts)
			}
		}
	}
}

// wantFields is the order of the fields as consumers rely on it.
const wantFields = "event_id event_timestamp event_type page_url page_url_path referer_url referer_url_scheme referer_url_port referer_medium utm_medium " +
	"utm_source utm_content utm_campaign click_id geo_latitude geo_longitude geo_country geo_timezone geo_region_name ip_address browser_name " +
	"browser_user_agent browser_language os os_name os_timezone device_type device_is_mobile user_custom_id user_domain_id"

func TestEventsKeepTheirInvariants(t *testing.T) {
	s := newSource(t, Config{Rows: 30_000, Users: 300, Splits: 2, Seed: 5})
	ids, users := map[string]bool{}, map[string]string{}
	for _, split := range []string{"0", "1"} {
		for _, b := range batches(t, s, split, "") {
			var names []string
			column := map[string]func(int) string{}
			for i, f := range b.Rows.Schema().Fields() {
				names = append(names, f.Name)
				column[f.Name] = b.Rows.Column(i).ValueStr
				if b.Rows.Column(i).NullN() > 0 {
					t.Fatalf("%s has nulls", f.Name)
				}
			}
			if got := strings.Join(names, " "); got != wantFields {
				t.Fatalf("fields are %s", got)
			}
			for i := range int(b.Len()) {
				get := func(name string) string { return column[name](i) }
				ids[get("event_id")] = true
				var own []string
				for _, name := range names[5:] {
					own = append(own, get(name))
				}
				attributes := strings.Join(own, "|")
				if before, ok := users[get("user_domain_id")]; ok && before != attributes {
					t.Fatalf("a user changed from %s to %s", before, attributes)
				}
				users[get("user_domain_id")] = attributes
				mobile := get("os") == "Android" || get("os") == "iOS"
				search := get("utm_source") == "google" || get("utm_source") == "bing"
				switch {
				case get("page_url") != "http://www.dummywebsite.com"+get("page_url_path"),
					get("referer_url") != "www."+get("utm_source")+".com",
					(get("device_is_mobile") == "true") != mobile, (get("device_type") == "Mobile") != mobile,
					(get("referer_medium") == "search") != search, get("referer_medium") == "internal" == search,
					get("event_type") != "pageview", get("referer_url_port") != "80", get("referer_url_scheme") != "http",
					!strings.Contains(get("user_custom_id"), "@"), get("event_id")[14] != '4':
					t.Fatalf("row %d does not fit itself: %v", i, own)
				}
			}
		}
	}
	if len(ids) != 30_000 {
		t.Errorf("%d different ids, want 30000", len(ids))
	}
	if len(users) != 300 {
		t.Errorf("%d users, want 300", len(users))
	}
}

func BenchmarkColumns(b *testing.B) { benchmark(b, Config{}) }
func BenchmarkJSON(b *testing.B)    { benchmark(b, Config{Payload: "json"}) }
func BenchmarkMessyJSON(b *testing.B) {
	benchmark(b, Config{Payload: "json", Mess: Mess{Nulls: .01}})
}

func BenchmarkManyUsers(b *testing.B) { benchmark(b, Config{Users: 10_000_000}) }

func benchmark(b *testing.B, c Config) {
	c.Rows = int64(b.N)
	s := newSource(b, c)
	bytes := 0
	b.ReportAllocs()
	for batch, err := range s.Read(context.Background(), rows.Split{ID: "0"}, "") {
		if err != nil {
			b.Fatal(err)
		}
		if p, ok := rows.PayloadOf(batch.Rows); ok {
			bytes += len(p.Values.Value(0))
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	b.ReportMetric(float64(bytes)/b.Elapsed().Seconds()/1e6, "MB/s")
}
