#include <sluice/embedded.hpp>
