// expect: wire: .*a private member
#include <sluice/sluice.hpp>

class money {
 public:
  explicit money(long cents) : cents_(cents) {}

 private:
  long cents_;
};
class described : money {
  using money::money;
};
template <>
struct sluice::described_layout<described> {
  static constexpr char text[] = "described/1:i64";
};

auto fine() { return sluice::mapped_sink<described>("sluice_compile_fail"); }

#ifdef SLUICE_MUST_FAIL
auto wrong() { return sluice::mapped_sink<money>("sluice_compile_fail"); }
#endif
